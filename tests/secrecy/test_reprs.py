"""Whatever travels through the service may end up in an exception's text, a task's result, a debugger's line."""

from __future__ import annotations

import pytest

from consumer.model import (
    ActionType,
    Call,
    Envelope,
    Ignored,
    Letter,
    Lookup,
    PlainRecord,
    Prepared,
    Repeat,
    Request,
    Unreadable,
)
from consumer.outcomes import Answer, Found, Outage, Refused, Unknown
from tests.secrecy.marks import MARK, told

BYTES = MARK.encode()
ACTION = ActionType("create-ticket")
CALL = Call(ACTION, b'{"title":"%b"}' % BYTES)
RECORD = PlainRecord("tickets", 3, 7, key=BYTES, value=BYTES, headers=[("ce_subject", BYTES)])
LOOKUP = Lookup("Ticket", bool, key=MARK, where={"title": MARK})
PREPARED = Prepared(RECORD, "e-7", "opened.v1", (MARK,), Repeat.ASK, (CALL,), 10, LOOKUP)
ANSWER = Answer("ActionValidationFailed", detail=MARK)

TRAVELLERS = [
    RECORD,
    Unreadable("tickets", 3, 7, "no UTF-8", key=BYTES, value=BYTES, headers=[("x", BYTES)]),
    Envelope("e-7", "opened.v1", BYTES),
    CALL,
    LOOKUP,
    PREPARED,
    Ignored(MARK),
    Request(ACTION, [CALL.parameters], [PREPARED], may_send=lambda: True),
    Letter(RECORD, "rejected", MARK, "submit", answer=ANSWER),
    Refused(ANSWER),
    Outage(ANSWER, "failing"),
    Unknown(ANSWER),
    Found({"title": MARK}),
]


@pytest.mark.parametrize("value", TRAVELLERS, ids=lambda value: type(value).__name__)
def test_no_value_shows_what_the_event_holds(value: object) -> None:
    shown = f"{value!r} {value} {[value]} {TypeError(value)} {KeyError(value)!r}"

    assert not told(shown)
    assert type(value).__name__ in shown
