"""Foundry's answers, one by one, and what each is taken for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer.foundry.answers import MAX_RETRY_AFTER, Reply
from consumer.foundry.classify import Sent, classify
from consumer.foundry.verdicts import BY_NAME
from consumer.model import Repeat
from consumer.outcomes import Applied, Conflicted, Outage, Outcome, Oversized, Refused, Unknown

NOW = 1_700_000_000.0
SINGLE = Sent(batched=False, size=1, repeat=Repeat.NEVER)
CREATE = Sent(batched=False, size=1, repeat=Repeat.CREATE)
BATCH = Sent(batched=True, size=20, repeat=Repeat.CREATE)
LAST_OF_BATCH = Sent(batched=True, size=1, repeat=Repeat.CREATE)


def foundry(status: int, code: str, name: str, **parameters: Any) -> Reply:
    body = {
        "errorCode": code,
        "errorName": name,
        "errorInstanceId": "6ff5de26-0000-4000-8000-000000000000",
        "parameters": parameters,
        "errorDescription": "value-of-an-event",
        "message": "value-of-an-event",
    }
    return Reply(status, "application/json", json.dumps(body).encode())


def judged(reply: Reply, sent: Sent = SINGLE) -> Outcome:
    return classify(reply, sent, NOW)


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
    ("OntologyDefinitionOutOfSync", "CONFLICT", 409, Outage, "failing"),
    ("ConsistentSnapshotError", "CONFLICT", 409, Conflicted, None),
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


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("INVALID_ARGUMENT", 400, Refused),
        ("CUSTOM_CLIENT", 400, Refused),
        ("NOT_FOUND", 404, Conflicted),
        ("CONFLICT", 409, Conflicted),
        ("PERMISSION_DENIED", 403, Outage),
        ("REQUEST_ENTITY_TOO_LARGE", 413, Refused),
        ("NEW_CODE", 400, Refused),
        ("NEW_CODE", 404, Conflicted),
        ("NEW_CODE", 418, Refused),
        ("NEW_CODE", 429, Outage),
        ("NEW_CODE", 500, Unknown),
        ("NEW_CODE", 503, Outage),
        ("NEW_CODE", 504, Unknown),
    ],
)
def test_an_unknown_name_is_judged_by_its_code_then_by_its_status(
    code: str, status: int, outcome: type[Outcome]
) -> None:
    found = judged(foundry(status, code, "SomethingNew"))

    assert type(found) is outcome
    assert not isinstance(found, Applied)
    assert found.answer.cause == f"http_{status}"  # type: ignore[union-attr]  # all outcomes but Applied carry one
    assert found.answer.error_name == "SomethingNew"  # type: ignore[union-attr]  # as above


@pytest.mark.parametrize(
    ("status", "content_type", "body", "outcome", "gate", "everywhere", "answered"),
    [
        (302, "text/html", b"", Outage, "redirected", True, None),
        (304, "", b"", Outage, "redirected", True, None),
        (400, "text/html", b"<html>", Unknown, "not_foundry", True, False),
        (401, "", b"", Outage, "token", True, None),
        (403, "text/html", b"<html>blocked", Outage, "forbidden", False, None),
        (404, "", b"", Outage, "wrong_host", True, None),
        (404, "text/html", b"<html>", Outage, "wrong_host", True, None),
        (405, "text/html", b"<html>", Outage, "not_foundry", True, None),
        (407, "text/html", b"<html>", Outage, "unreachable", True, None),
        (408, "", b"", Unknown, "failing", False, False),
        (409, "", b"", Conflicted, None, None, None),
        (413, "text/html", b"<html>", Refused, None, None, None),
        (429, "", b"", Outage, "overloaded", True, None),
        (460, "text/html", b"<html>", Unknown, "not_foundry", True, False),
        (500, "text/html", b"<html>", Unknown, "failing", False, False),
        (502, "text/html", b"<html>", Unknown, "failing", False, False),
        (503, "text/html", b"<html>", Unknown, "failing", False, False),
        (504, "text/html", b"<html>", Unknown, "failing", False, False),
        (599, "", b"", Unknown, "failing", False, False),
    ],
)
def test_an_answer_that_is_not_foundrys_is_judged_by_what_its_status_makes_certain(
    status: int,
    content_type: str,
    body: bytes,
    outcome: type[Outcome],
    gate: str | None,
    everywhere: bool | None,  # noqa: FBT001 - a column of the table
    answered: bool | None,  # noqa: FBT001 - a column of the table
) -> None:
    found = judged(Reply(status, content_type, body))

    assert type(found) is outcome
    assert getattr(found, "gate", None) == gate
    assert getattr(found, "everywhere", None) == everywhere
    assert getattr(found, "answered", None) == answered


def test_foundry_itself_answering_500_ends_the_attempt() -> None:
    """Nothing of it can take effect later, so the lane need not wait."""
    found = judged(foundry(500, "INTERNAL", "Default:Internal"))

    assert isinstance(found, Unknown)
    assert found.answered


def test_a_gateways_503_is_unknown_even_where_it_says_how_long_to_wait() -> None:
    """It may have lost its upstream after passing the request on; the pause is kept for the gate."""
    found = judged(Reply(503, "text/html", b"busy", retry_after="7"))

    assert isinstance(found, Unknown)
    assert not found.answered
    assert found.answer.retry_after == 7


@pytest.mark.parametrize("hint", [{"retry_hint": "do-not-retry"}])
def test_a_503_with_foundrys_own_hint_was_not_executed(hint: dict[str, str]) -> None:
    found = judged(Reply(503, "text/html", b"busy", **hint))  # type: ignore[arg-type]  # the hints are text fields

    assert isinstance(found, Outage)
    assert found.gate == "overloaded"
    assert found.answer.retry_after == 30


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", None, 7.0),
        ("0.5", None, 0.5),
        ("-7", None, None),
        ("soon", None, None),
        ("999999999", None, MAX_RETRY_AFTER),
        ("Tue, 14 Nov 2023 22:13:50 GMT", None, 30.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", "Tue, 14 Nov 2023 22:13:45 GMT", 5.0),
        ("Tue, 14 Nov 2000 22:13:50 GMT", None, 0.0),
        ("Tue, 99 Nov 2023 22:13:50 GMT", None, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_clamped(
    value: str, date: str | None, seconds: float | None
) -> None:
    found = judged(Reply(429, "", b"", retry_after=value, date=date))

    assert isinstance(found, Outage)
    assert found.answer.retry_after == seconds


@pytest.mark.parametrize(
    "name", ["ObjectAlreadyExists", "Actions:ObjectsAlreadyExist", "LinkAlreadyExists"]
)
def test_exists_already_counts_as_applied_only_for_one_create(name: str) -> None:
    """In a batch nothing was applied: it is split until the one that exists stands alone."""
    reply = foundry(409, "CONFLICT", name)

    assert judged(reply, CREATE) == Applied(already=True)
    assert judged(reply, LAST_OF_BATCH) == Applied(already=True)
    assert isinstance(judged(reply, BATCH), Refused)
    assert isinstance(judged(reply, SINGLE), Refused)


@pytest.mark.parametrize("sent", [SINGLE, LAST_OF_BATCH])
def test_what_is_too_large_alone_is_refused(sent: Sent) -> None:
    assert isinstance(judged(Reply(413, "text/html", b""), sent), Refused)


def test_a_batch_that_is_too_large_says_how_large_it_may_be() -> None:
    name, code = "BatchRequestSizeExceededLimit", "INVALID_ARGUMENT"

    assert _maximum(foundry(400, code, name, maximumBatchSize=5)) == 5
    assert _maximum(foundry(400, code, name, maximumBatchSize="10")) == 10
    assert _maximum(foundry(400, code, name, maximumBatchSize=0)) is None
    assert _maximum(foundry(400, code, name, maximumBatchSize=20)) is None
    assert _maximum(Reply(413, "text/html", b"")) is None


def _maximum(reply: Reply) -> int | None:
    found = judged(reply, BATCH)
    assert isinstance(found, Oversized)
    return found.maximum


def test_the_missing_scope_is_named_in_the_remedy_and_concerns_all_action_types() -> None:
    found = judged(
        foundry(403, "PERMISSION_DENIED", "ApiUsageDenied", missingScope="api:ontologies-write")
    )

    assert isinstance(found, Outage)
    assert found.everywhere
    assert "api:ontologies-write" in (found.remedy or "")


def test_no_value_of_an_event_is_kept() -> None:
    """Descriptions and messages are free text, parameter values are the event's own."""
    reply = foundry(
        400,
        "INVALID_ARGUMENT",
        "InvalidParameterValue",
        parameterId="title",
        parameterValue="value-of-an-event",
    )

    found = judged(reply)

    assert "value-of-an-event" not in repr(found)
    assert isinstance(found, Refused)
    assert found.answer.detail == "parameterId=title"


@pytest.mark.parametrize("name", ["two\nlines", "x" * 500, "", 5, None, {"a": 1}, "<script>"])
def test_a_name_that_is_no_name_is_dropped(name: object) -> None:
    body = json.dumps({"errorCode": "INVALID_ARGUMENT", "errorName": name}).encode()

    found = judged(Reply(400, "application/json", body))

    assert isinstance(found, Refused)
    assert found.answer.error_name is None
    assert found.answer.cause == "http_400"
