"""Each error that the platform publishes, and what it is taken for."""

from __future__ import annotations

import pytest

from consumer.foundry.verdicts import BY_NAME
from consumer.outcomes import Conflicted, Outage, Outcome, Refused, Unknown
from tests.foundry.judging import foundry, judged

# Each name of the platform's catalogue that an action can meet: (names, code, status, outcome, gate).
CATALOGUE: list[tuple[str, str, int, type[Outcome], str | None]] = [
    ("ActionValidationFailed InvalidParameterValue MissingParameter", "INVALID_ARGUMENT", 400, Refused, None),
    ("FunctionEncounteredUserFacingError FunctionInvalidInput", "INVALID_ARGUMENT", 400, Refused, None),
    ("Conjure:InvalidArgument", "INVALID_ARGUMENT", 400, Refused, None),
    ("ActionContainsDuplicateEdits ObjectAlreadyExists LinkAlreadyExists", "CONFLICT", 409, Refused, None),
    ("Actions:ObjectsAlreadyExist", "INVALID_ARGUMENT", 400, Refused, None),
    ("OntologyEditsExceededLimit BatchRequestSizeExceededLimit", "INVALID_ARGUMENT", 400, Refused, None),
    ("ParametersNotFound UnknownParameter ParameterTypeNotSupported", "INVALID_ARGUMENT", 400, Outage, "misconfigured"),
    ("ActionEditedPropertiesNotFound ActionEditsReadOnlyEntity", "INVALID_ARGUMENT", 400, Outage, "misconfigured"),
    ("PropertyApiNameNotFound ObjectEditMissingPrimaryKey", "INVALID_ARGUMENT", 400, Outage, "misconfigured"),
    ("MissingBatchRequest InvalidApplyActionOptionCombination", "INVALID_ARGUMENT", 400, Outage, "misconfigured"),
    ("ApiFeaturePreviewUsageOnly MissingPostBody InvalidAttributionHeader", "INVALID_ARGUMENT", 400, Outage, "misconfigured"),
    ("Conjure:UnprocessableEntity", "INVALID_ARGUMENT", 422, Outage, "misconfigured"),
    ("Conjure:UnsupportedMediaType", "INVALID_ARGUMENT", 415, Outage, "misconfigured"),
    ("UniqueIdentifierLinkIdsDoNotExistInActionType", "INVALID_ARGUMENT", 400, Outage, "misconfigured"),
    ("CompositePrimaryKeyNotSupported", "INVALID_ARGUMENT", 400, Outage, "misconfigured"),
    ("OntologyApiNameNotUnique", "INVALID_ARGUMENT", 400, Outage, "missing_ontology"),
    ("ApplyActionFailed FunctionExecutionFailed", "INVALID_ARGUMENT", 400, Conflicted, None),
    ("FunctionExecutionTimedOut", "TIMEOUT", 400, Conflicted, None),
    ("FunctionExecutionTimedOut", "TIMEOUT", 500, Unknown, "failing"),
    ("ApplyActionFailed FunctionExecutionFailed", "INVALID_ARGUMENT", 500, Unknown, "failing"),
    ("ActionParameterObjectNotFound", "NOT_FOUND", 400, Conflicted, None),
    ("ActionParameterObjectTypeNotFound", "NOT_FOUND", 400, Outage, "misconfigured"),
    ("ParameterObjectNotFound ObjectNotFound LinkedObjectNotFound", "NOT_FOUND", 404, Conflicted, None),
    ("ActionParameterInterfaceTypeNotFound InterfaceTypeNotFound", "NOT_FOUND", 404, Outage, "misconfigured"),
    ("ParameterObjectSetRidNotFound AttachmentNotFound", "NOT_FOUND", 404, Conflicted, None),
    ("ActionTypeNotFound ActionNotFound", "NOT_FOUND", 404, Outage, "missing_action"),
    ("OntologyNotFound", "NOT_FOUND", 404, Outage, "missing_ontology"),
    ("ObjectTypeNotFound LinkTypeNotFound FoundryBranchNotFound", "NOT_FOUND", 404, Outage, "misconfigured"),
    ("OntologyScenarioNotFound MarketplaceActionMappingNotFound", "NOT_FOUND", 404, Outage, "misconfigured"),
    ("MarketplaceObjectMappingNotFound MarketplaceSdkLinkMappingNotFound", "NOT_FOUND", 404, Outage, "misconfigured"),
    ("ApiUsageDenied EditObjectPermissionDenied", "PERMISSION_DENIED", 403, Outage, "forbidden"),
    ("ViewObjectPermissionDenied ParentAttachmentPermissionDenied", "PERMISSION_DENIED", 403, Outage, "forbidden"),
    ("Default:PermissionDenied", "PERMISSION_DENIED", 403, Outage, "forbidden"),
    ("Default:Unauthorized MissingCredentials", "UNAUTHORIZED", 401, Outage, "token"),
    ("ObjectChanged ObjectsModifiedConcurrently StaleObject", "CONFLICT", 409, Conflicted, None),
    ("Actions:ConcurrentModification Actions:ObjectVersionChanged", "CONFLICT", 409, Conflicted, None),
    ("ObjectChanged", "CONFLICT", 500, Conflicted, None),
    ("OntologySyncing OntologySyncingObjectTypes", "CONFLICT", 409, Outage, "failing"),
    ("OntologyDefinitionOutOfSync ConsistentSnapshotError", "CONFLICT", 409, Outage, "failing"),
    ("ObjectTypeNotSynced ObjectTypesNotSynced", "CONFLICT", 409, Outage, "misconfigured"),
    ("Default:RequestEntityTooLarge", "REQUEST_ENTITY_TOO_LARGE", 413, Refused, None),
    ("Default:Internal", "INTERNAL", 500, Unknown, "failing"),
    ("Default:FailedPrecondition", "FAILED_PRECONDITION", 500, Unknown, "failing"),
    ("Default:Timeout", "TIMEOUT", 500, Unknown, "failing"),
    ("Anything", "CUSTOM_SERVER", 500, Unknown, "failing"),
]  # fmt: skip
EACH = [
    pytest.param(name, *row[1:], id=f"{name}-{row[2]}")
    for row in CATALOGUE
    for name in row[0].split()
]


@pytest.mark.parametrize(("name", "code", "status", "outcome", "gate"), EACH)
def test_each_error_of_the_catalogue_means_what_the_catalogue_says(
    name: str, code: str, status: int, outcome: type[Outcome], gate: str | None
) -> None:
    found = judged(foundry(status, code, name))

    assert type(found) is outcome
    assert getattr(found, "gate", None) == gate


def test_the_catalogue_covers_the_whole_table() -> None:
    """A row of the table that no test looks at could say anything."""
    tested = {name for row in CATALOGUE for name in row[0].split()}
    tested |= {name.rpartition(":")[2] for name in tested}

    assert {name for name in BY_NAME if not name.startswith("Marketplace")} <= tested
