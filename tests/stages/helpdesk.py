"""A contract as an owner would write it, and records that it accepts: the tests change one thing at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal

from pydantic import AwareDatetime, Field, JsonValue

from consumer.contracts import (
    Action,
    Contract,
    Event,
    Ignored,
    Long,
    Timestamp,
    constant,
    field,
    header,
    ignore,
)
from consumer.model import Headers, PlainRecord, Prepared, Unreadable
from consumer.pipeline import make_prepare

OPENED = "com.example.ticket.opened.v1"
STRICT = "com.example.ticket.opened.v2"


class CreateTicket(Action, api_name="create-ticket"):
    ticket_id: str
    title: str
    opened_at: Timestamp
    views: Long | None = None


class TicketOpened(Event):
    ticket_id: str = Field(pattern=r"^T-\d+$")
    title: str = Field(min_length=1, max_length=200)
    priority: Literal["low", "high"]
    opened_at: AwareDatetime
    views: int | None = None
    hours: float | None = None
    urgent: bool | None = None
    price: Decimal | None = None
    labels: dict[str, int] | None = None
    anything: JsonValue = None


class TicketOpenedStrictly(TicketOpened, unknown="forbid"):
    pass


def open_ticket(event: TicketOpened) -> CreateTicket | Ignored:
    if event.title == "ignore me":
        return ignore("a test")
    if event.views is None:
        return CreateTicket(ticket_id=event.ticket_id, title=event.title, opened_at=event.opened_at)
    return CreateTicket(
        ticket_id=event.ticket_id,
        title=event.title,
        opened_at=event.opened_at,
        views=event.views,
    )


tickets = Contract("tickets", sources=["/helpdesk"])
tickets.on(OPENED, TicketOpened, order_by="ticket_id", repeat="create")(open_ticket)
tickets.on(STRICT, TicketOpenedStrictly, repeat="create")(open_ticket)

by_header = Contract("by-header", type_from=header("kind"))
by_header.on(OPENED, TicketOpened, repeat="safe")(open_ticket)

by_field = Contract("by-field", type_from=field("kind"))
by_field.on(OPENED, TicketOpened, repeat="safe")(open_ticket)

by_constant = Contract("by-constant", type_from=constant(OPENED))
by_constant.on(OPENED, TicketOpened, repeat="safe")(open_ticket)

prepare = make_prepare({c.topic: c for c in (tickets, by_header, by_field, by_constant)})

TICKET: Mapping[str, Any] = {
    "ticket_id": "T-1",
    "title": "The printer is on fire",
    "priority": "high",
    "opened_at": "2024-05-01T10:00:00Z",
}
BINARY: Mapping[str, bytes | None] = {
    "ce_specversion": b"1.0",
    "ce_id": b"e-1",
    "ce_source": b"/helpdesk",
    "ce_type": OPENED.encode(),
}
ATTRIBUTES: Mapping[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/helpdesk",
    "type": OPENED,
}


def ticket(**changes: object) -> bytes:
    return json.dumps({**TICKET, **changes}).encode()


def ticket_with(member: str) -> bytes:
    """A ticket with one more member, given as JSON text: what `json.dumps` would not write."""
    return ticket()[:-1] + b", " + member.encode() + b"}"


def enclosed(data: object = TICKET, **changes: object) -> bytes:
    """A structured CloudEvent; a change to None leaves the attribute out."""
    event = {**ATTRIBUTES, "data": data, **changes}
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def binary(**changes: bytes | None) -> Headers:
    """The headers of a binary CloudEvent; `id=...` changes `ce_id`, None leaves it out."""
    changed = {**BINARY, **{f"ce_{name}": value for name, value in changes.items()}}
    return [(name, value) for name, value in changed.items() if value is not None]


def record(
    value: bytes | None = None,
    headers: Headers | None = None,
    *,
    topic: str = "tickets",
    key: bytes | None = b"T-1",
    timestamp: int = 1_714_550_400_000,
) -> PlainRecord:
    """A binary CloudEvent of a ticket, unless the test says otherwise."""
    return PlainRecord(
        topic=topic,
        partition=3,
        offset=42,
        timestamp=timestamp,
        timestamp_type=0,
        key=key,
        value=ticket() if value is None else value,
        headers=binary() if headers is None else headers,
    )


def structured(value: bytes, content_type: bytes = b"application/cloudevents+json") -> PlainRecord:
    return record(value, [("content-type", content_type)])


def disposition(given: PlainRecord | Unreadable) -> str:
    """`applied`, `ignored: why`, or `reason: detail`."""
    match prepare(given):
        case Prepared():
            return "applied"
        case Ignored(why=why):
            return f"ignored: {why}"
        case rejected:
            return f"{rejected.reason}: {rejected.detail}"


def prepared(given: PlainRecord) -> Prepared:
    """The record prepared; fails, and says why, where it is not."""
    found = prepare(given)
    assert isinstance(found, Prepared), found
    return found


def parameters(given: PlainRecord) -> dict[str, Any]:
    """What the record's one action is given."""
    (call,) = prepared(given).calls
    found: dict[str, Any] = json.loads(call.parameters)
    return found
