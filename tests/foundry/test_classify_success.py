"""200 is not yet applied: what a success has to say before it is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from consumer.foundry.answers import Reply
from consumer.foundry.classify import Sent, classify
from consumer.model import Repeat
from consumer.outcomes import Applied, Outcome, Refused, Unknown

SINGLE = Sent(batched=False, size=1, repeat=Repeat.NEVER)
BATCH = Sent(batched=True, size=2, repeat=Repeat.NEVER)


def single(body: bytes, content_type: str = "application/json", **others: Any) -> Outcome:
    return classify(Reply(200, content_type, body, **others), SINGLE, 0.0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"validation": {"result": "VALID"}},
        {"validation": None},
        {"operationId": "ri.actions..operation.1", "edits": {"type": "edits"}},
        {"somethingNew": 1},
    ],
)
def test_a_single_action_is_applied_where_the_body_does_not_say_otherwise(body: Any) -> None:
    assert single(json.dumps(body).encode()) == Applied()


def test_a_byte_order_mark_hides_no_answer() -> None:
    """RFC 8259 lets a reader pass over it. Read as no JSON, each harmful action would be a letter."""
    assert single(b'\xef\xbb\xbf{"validation":{"result":"VALID"}}') == Applied()
    assert isinstance(single(b'\xef\xbb\xbf{"validation":{"result":"INVALID"}}'), Refused)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf",
        b"{",
        b"null",
        b"[]",
        b'"ok"',
        b'{"validation":7}',
        b'{"validation":{"result":"MAYBE"}}',
        b"[" * 100_000,
    ],
)
def test_a_single_success_whose_body_cannot_be_read_is_unknown(body: bytes) -> None:
    """It may say INVALID, so it is neither applied nor refused; but the attempt is over.

    Where each answer is like that it is an outage: harmful actions were sent on, and each was a letter.
    """
    found = single(body)

    assert isinstance(found, Unknown)
    assert found.answered
    assert (found.gate, found.everywhere) == ("failing", False)


def test_a_single_success_that_was_cut_is_unknown_even_if_what_came_can_be_read() -> None:
    assert isinstance(single(b"{}", complete=False), Unknown)


def test_law_8_an_invalid_action_is_refused_with_criteria_and_constraints_and_without_values() -> (
    None
):
    validation = {
        "result": "INVALID",
        "submissionCriteria": [
            {"configuredFailureMessage": "The ticket is closed", "result": "INVALID"},
            {"configuredFailureMessage": "fine", "result": "VALID"},
            {"result": "INVALID"},
        ],
        "parameters": {
            "title": {
                "result": "INVALID",
                "required": True,
                "evaluatedConstraints": [
                    {"type": "stringLength", "gte": 1, "secret": "Max Muster"}
                ],
            },
            "note": {"result": "VALID", "evaluatedConstraints": [{"type": "range"}]},
            "odd": {"result": "INVALID", "evaluatedConstraints": "?"},
        },
    }

    found = single(json.dumps({"validation": validation}).encode())

    assert isinstance(found, Refused)
    assert found.answer.error_name == "ActionValidationFailed"
    assert found.answer.detail == (
        "The ticket is closed; a submission criterion without a message;"
        " parameter title (required): stringLength; parameter odd: invalid"
    )


@pytest.mark.parametrize("body", [b"{}", b"", b'{"ed', b"null"])
def test_a_batch_is_applied_by_its_status_and_type_even_if_the_body_is_cut(body: bytes) -> None:
    reply = Reply(200, "application/json;charset=utf-8", body, complete=False)

    assert classify(reply, BATCH, 0.0) == Applied()


@pytest.mark.parametrize("sent", [SINGLE, BATCH])
@pytest.mark.parametrize("content_type", ["text/html", "", "text/plain; application/json"])
def test_a_success_that_is_not_json_is_not_foundrys(sent: Sent, content_type: str) -> None:
    found = classify(Reply(200, content_type, b"<html>log in</html>"), sent, 0.0)

    assert isinstance(found, Unknown)
    assert found.gate == "not_foundry"
    assert found.everywhere
    assert not found.answered
