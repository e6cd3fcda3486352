"""Foundry's answers, one by one, and what each is taken for."""

from __future__ import annotations

import json

import pytest

from consumer.foundry.answers import MAX_RETRY_AFTER, Reply
from consumer.foundry.classify import Sent
from consumer.outcomes import Applied, Conflicted, Outage, Outcome, Oversized, Refused, Unknown
from tests.foundry.judging import BATCH, CREATE, LAST_OF_BATCH, SINGLE, foundry, judged


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
