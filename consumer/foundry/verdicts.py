"""The table: what each of Foundry's errors means for the request that got it.

Looked up by error name, then error code, then HTTP status, because on some stacks the last two disagree (a
NOT_FOUND with status 400, a CONFLICT with 500). Names are without their namespace.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from consumer.errors import GateReason


class Kind(enum.Enum):
    """What is known after an error. Unless it is `FAILED`, `CUT` or `GAVE_UP`, the request was not executed."""

    REFUSED = enum.auto()
    EXISTS = enum.auto()
    """What was to be created already exists."""
    CONFLICTED = enum.auto()
    OVERSIZED = enum.auto()
    OUTAGE = enum.auto()
    FAILED = enum.auto()
    """Foundry itself answered, but it may have been executed."""
    CUT = enum.auto()
    """A gateway answered: it may have been executed, or may be yet."""
    GAVE_UP = enum.auto()
    """Foundry gave up on the action or its function: if it says so with a 4xx nothing was applied, else that is open."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `gate`, `everywhere` and `remedy` belong to an outage."""

    kind: Kind
    gate: GateReason = "failing"
    everywhere: bool = False
    remedy: str | None = None


def _outage(gate: GateReason, remedy: str | None = None, *, everywhere: bool = False) -> Rule:
    return Rule(Kind.OUTAGE, gate, everywhere, remedy)


REFUSED = Rule(Kind.REFUSED)
EXISTS = Rule(Kind.EXISTS)
CONFLICTED = Rule(Kind.CONFLICTED)
OVERSIZED = Rule(Kind.OVERSIZED)
FAILED = Rule(Kind.FAILED)
CUT = Rule(Kind.CUT)
GAVE_UP = Rule(Kind.GAVE_UP)

TOKEN = _outage(
    "token",
    "Foundry refuses a token that it has just issued: check that the application is enabled and that the clocks are right",
    everywhere=True,
)
SCOPE = _outage(
    "forbidden",
    "grant the scope to the application in Developer Console and list it in foundry.scopes",
    everywhere=True,
)
FORBIDDEN = _outage(
    "forbidden",
    "the service user may not submit this action: check its role on the project, the action type's submission"
    " criteria, and the application's ontology resources",
)
MISSING_ACTION = _outage(
    "missing_action",
    "check the action type's API name, that the service user may see it, and that it is among the"
    " application's ontology resources (a new one takes up to two minutes to appear)",
)
MISSING_ONTOLOGY = _outage(
    "missing_ontology",
    "check foundry.ontology (its RID is unambiguous) and that the service user may see it",
    everywhere=True,
)
MISSING_TYPE = _outage(
    "misconfigured",
    "a type, branch or mapping that the action needs is missing or not visible: create it, or let the service user"
    " see it",
)
MAPPING = _outage(
    "misconfigured",
    "the mapping and the action type do not match: run `doctor` to see what differs, and change one of them",
)
ACTION_FAULT = _outage(
    "misconfigured",
    "the action type itself is at fault: its owner must fix it in Ontology Manager",
)
NOT_SYNCED = _outage(
    "misconfigured", "the object type is not indexed: ask an administrator to reindex it"
)
CLIENT_FAULT = _outage(
    "misconfigured",
    "Foundry does not understand the request: this version of the service may not fit this stack",
)
OVERLOADED = _outage("overloaded", everywhere=True)
WRONG_HOST = _outage(
    "wrong_host", "no such API there: check foundry.hostname and its path", everywhere=True
)
REDIRECTED = _outage(
    "redirected",
    "foundry.hostname answers with a redirect (a login page, another host): set it to the final host",
    everywhere=True,
)
PROXY = _outage("unreachable", "the proxy wants credentials: check foundry.proxy", everywhere=True)
NOT_FOUNDRY = _outage(
    "not_foundry",
    "something in front of Foundry answers (proxy, firewall, login page): check foundry.hostname and what is in between",
    everywhere=True,
)
BLOCKED = _outage(
    "forbidden",
    "something in front of Foundry (firewall, egress policy, proxy) refuses this request: have it allowed there",
)
STRANGE = Rule(Kind.CUT, "not_foundry", everywhere=True, remedy=NOT_FOUNDRY.remedy)
UNREADABLE = _outage(
    "forbidden",
    "the service user may not read this object type: check its role on the project, and the application's ontology"
    " resources",
)
MISREAD = _outage(
    "misconfigured",
    "the lookup does not fit the object type: check its API name, and that the properties are searchable",
)
LASTING = _outage("failing")

_ROWS: tuple[tuple[Rule, str], ...] = (
    # The action's own fault: as it stands it will never be executed.
    (REFUSED, "ActionValidationFailed InvalidParameterValue MissingParameter"),
    (REFUSED, "FunctionEncounteredUserFacingError FunctionInvalidInput"),
    (REFUSED, "ActionContainsDuplicateEdits Conjure:InvalidArgument"),
    (EXISTS, "ObjectAlreadyExists ObjectsAlreadyExist LinkAlreadyExists"),
    (OVERSIZED, "BatchRequestSizeExceededLimit OntologyEditsExceededLimit"),
    (OVERSIZED, "RequestEntityTooLarge"),
    # Another try may succeed: what it refers to may come yet, or somebody else was faster.
    (CONFLICTED, "ActionParameterObjectNotFound ParameterObjectNotFound ObjectNotFound"),
    (CONFLICTED, "ParameterObjectSetRidNotFound LinkedObjectNotFound AttachmentNotFound"),
    (CONFLICTED, "ObjectChanged ObjectsModifiedConcurrently ConcurrentModification"),
    (CONFLICTED, "ObjectVersionChanged StaleObject"),
    (GAVE_UP, "ApplyActionFailed FunctionExecutionFailed FunctionExecutionTimedOut"),
    # The world's fault: wait, and say what has to be done.
    (TOKEN, "Unauthorized MissingCredentials"),
    (SCOPE, "ApiUsageDenied"),
    (FORBIDDEN, "EditObjectPermissionDenied ViewObjectPermissionDenied"),
    (FORBIDDEN, "ParentAttachmentPermissionDenied PermissionDenied"),
    (MISSING_ACTION, "ActionTypeNotFound ActionNotFound"),
    (MISSING_ONTOLOGY, "OntologyNotFound OntologyApiNameNotUnique"),
    (LASTING, "OntologySyncing OntologySyncingObjectTypes OntologyDefinitionOutOfSync"),
    (LASTING, "ConsistentSnapshotError"),
    (MISSING_TYPE, "ObjectTypeNotFound LinkTypeNotFound FoundryBranchNotFound"),
    (MISSING_TYPE, "ActionParameterObjectTypeNotFound ActionParameterInterfaceTypeNotFound"),
    (MISSING_TYPE, "InterfaceTypeNotFound"),
    (MISSING_TYPE, "OntologyScenarioNotFound MarketplaceActionMappingNotFound"),
    (MISSING_TYPE, "MarketplaceObjectMappingNotFound MarketplaceLinkMappingNotFound"),
    (MISSING_TYPE, "MarketplaceQueryMappingNotFound MarketplaceSdkActionMappingNotFound"),
    (MISSING_TYPE, "MarketplaceSdkLinkMappingNotFound MarketplaceSdkObjectMappingNotFound"),
    (MISSING_TYPE, "MarketplaceSdkPropertyMappingNotFound MarketplaceSdkQueryMappingNotFound"),
    (MISSING_TYPE, "MarketplaceInstallationNotFound MarketplaceSdkInstallationNotFound"),
    (MAPPING, "ParametersNotFound UnknownParameter ParameterTypeNotSupported"),
    (ACTION_FAULT, "ActionEditedPropertiesNotFound ActionEditsReadOnlyEntity"),
    (ACTION_FAULT, "PropertyApiNameNotFound ObjectEditMissingPrimaryKey"),
    (ACTION_FAULT, "UniqueIdentifierLinkIdsDoNotExistInActionType CompositePrimaryKeyNotSupported"),
    (NOT_SYNCED, "ObjectTypeNotSynced ObjectTypesNotSynced"),
    (CLIENT_FAULT, "MissingBatchRequest InvalidApplyActionOptionCombination MissingPostBody"),
    (CLIENT_FAULT, "ApiFeaturePreviewUsageOnly InvalidAttributionHeader"),
    (CLIENT_FAULT, "Conjure:UnprocessableEntity Conjure:UnsupportedMediaType"),
)
BY_NAME: dict[str, Rule] = {name: rule for rule, names in _ROWS for name in names.split()}

BY_CODE: dict[str, Rule] = {
    "INVALID_ARGUMENT": REFUSED,
    "CUSTOM_CLIENT": REFUSED,
    "NOT_FOUND": CONFLICTED,
    "CONFLICT": CONFLICTED,
    "PERMISSION_DENIED": FORBIDDEN,
    "UNAUTHORIZED": TOKEN,
    "REQUEST_ENTITY_TOO_LARGE": OVERSIZED,
    "FAILED_PRECONDITION": FAILED,
    "INTERNAL": FAILED,
    "TIMEOUT": FAILED,
    "CUSTOM_SERVER": FAILED,
}

BY_STATUS: dict[int, Rule] = {
    400: REFUSED,
    403: FORBIDDEN,
    404: CONFLICTED,
    405: CLIENT_FAULT,
    409: CONFLICTED,
    413: OVERSIZED,
    415: CLIENT_FAULT,
    422: REFUSED,
}
"""For an answer in Foundry's shape whose name and code are not in the table."""

BY_STATUS_ALONE: dict[int, Rule] = {
    401: TOKEN,
    408: CUT,
    429: OVERLOADED,
    502: CUT,
    504: CUT,
}
"""Statuses that mean the same whatever the body says, unless it has a name from the table."""

NOT_IN_FOUNDRYS_SHAPE: dict[int, Rule] = {
    403: BLOCKED,
    404: WRONG_HOST,
    405: NOT_FOUNDRY,
    406: NOT_FOUNDRY,
    407: PROXY,
    409: CONFLICTED,
    411: NOT_FOUNDRY,
    413: OVERSIZED,
    414: NOT_FOUNDRY,
    415: CLIENT_FAULT,
    431: NOT_FOUNDRY,
}
"""Empty, HTML or text: an answer from something in between. A status not listed leaves the outcome open."""
