"""A route as a test wants it, and what becomes of a record that takes it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from consumer.contracts import Action, Contract, Event, Ignored
from consumer.errors import Rejected
from consumer.model import PlainRecord, Prepared
from consumer.pipeline import make_prepare
from tests.stages.helpdesk import OPENED, record, ticket

CANARY = "canary"


class Ticket(Event):
    ticket_id: str
    title: str = ""
    number: float = 0


class CreateTicket(Action, api_name="create-ticket"):
    ticket_id: str


def create(event: Ticket) -> CreateTicket:
    return CreateTicket(ticket_id=event.ticket_id)


def outcome(
    function: Callable[..., Any],
    given: PlainRecord | None = None,
    *,
    repeat: Any = "safe",
    order_by: Callable[[Ticket], Hashable] | str | None = None,
) -> Prepared | Ignored | Rejected:
    """What becomes of a record whose route is written so."""
    contract = Contract("tickets")
    contract.on(OPENED, Ticket, repeat=repeat, order_by=order_by)(function)
    return make_prepare({"tickets": contract})(record() if given is None else given)


def refusal(function: Callable[..., Any], **route: Any) -> str:
    found = outcome(function, record(ticket(title=CANARY)), **route)
    assert isinstance(found, Rejected), found
    assert (found.reason, found.stage, found.event_type) == ("unmappable", "map", OPENED)
    # Nothing hangs on it that could bring the event into a log or keep it in memory.
    assert found.__context__ is None
    assert found.__traceback__ is None
    assert CANARY not in found.detail
    return found.detail
