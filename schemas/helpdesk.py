"""Tickets of the help desk: CloudEvents that it publishes on `helpdesk.tickets`."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from consumer.contracts import Contract, Event, Ignored, Meta, ask, ignore
from schemas.ontology import (
    AddTicketComment,
    CloseTicket,
    CreateTicket,
    NotifyOnCall,
    SetEquipmentStatus,
    SetTicketPriority,
)

TICKET_ID = r"^T-[0-9]+$"


class TicketOpened(Event):
    """A customer opened a ticket."""

    ticket_id: str = Field(pattern=TICKET_ID)
    title: str = Field(min_length=1, max_length=200)
    priority: Literal["low", "high"]
    opened_at: AwareDatetime
    equipment_id: str | None = Field(default=None, min_length=1, description="What it is about.")


class TicketReprioritised(Event):
    """A ticket became more or less urgent."""

    ticket_id: str = Field(pattern=TICKET_ID)
    priority: Literal["low", "high"]
    note: str | None = Field(default=None, max_length=500)


class TicketClosed(Event):
    """A ticket was closed, for one reason or another."""

    ticket_id: str = Field(pattern=TICKET_ID)
    closed_at: AwareDatetime
    resolution: Literal["solved", "repaired", "duplicate"]
    equipment_id: str | None = Field(default=None, min_length=1, description="What was repaired.")


class CommentAdded(Event):
    """Somebody wrote a comment on a ticket."""

    comment_id: str = Field(min_length=1)
    ticket_id: str = Field(pattern=TICKET_ID)
    author: str = Field(min_length=1)
    text: str = Field(min_length=1, max_length=10_000)
    written_at: AwareDatetime


class TicketEscalated(Event, unknown="forbid"):
    """A ticket needs somebody at once."""

    ticket_id: str = Field(pattern=TICKET_ID)
    reason: str = Field(min_length=1, max_length=200)


tickets = Contract("helpdesk.tickets", sources=["/helpdesk"])


@tickets.on("com.example.ticket.opened.v1", TicketOpened, order_by="ticket_id", repeat="create")
def open_ticket(event: TicketOpened) -> CreateTicket:
    if event.equipment_id is None:
        return CreateTicket(
            ticket_id=event.ticket_id,
            title=event.title,
            priority=event.priority,
            opened_at=event.opened_at,
        )
    return CreateTicket(
        ticket_id=event.ticket_id,
        title=event.title,
        priority=event.priority,
        opened_at=event.opened_at,
        equipment=event.equipment_id,
    )


@tickets.on(
    "com.example.ticket.reprioritised.v1", TicketReprioritised, order_by="ticket_id", repeat="safe"
)
def reprioritise(event: TicketReprioritised) -> SetTicketPriority:
    # An absent note clears the earlier one: it explained another priority.
    return SetTicketPriority(ticket=event.ticket_id, priority=event.priority, note=event.note)


@tickets.on("com.example.ticket.closed.v1", TicketClosed, order_by="ticket_id", repeat="safe")
def close(event: TicketClosed) -> tuple[CloseTicket | SetEquipmentStatus, ...] | Ignored:
    if event.resolution == "duplicate":
        return ignore("duplicates are closed with the ticket that they repeat")
    closed = CloseTicket(
        ticket=event.ticket_id, closed_at=event.closed_at, resolution=event.resolution
    )
    if event.resolution == "repaired" and event.equipment_id is not None:
        return closed, SetEquipmentStatus(equipment=event.equipment_id, status="working")
    return (closed,)


@tickets.on(
    "com.example.ticket.comment-added.v1",
    CommentAdded,
    order_by="ticket_id",
    # The ontology makes up a comment's primary key, so a second one would be created: look for it.
    repeat=ask("TicketComment", where={"eventId": "comment_id"}),
)
def comment(event: CommentAdded) -> AddTicketComment:
    return AddTicketComment(
        ticket=event.ticket_id,
        author=event.author,
        text=event.text,
        written_at=event.written_at,
        event_id=event.comment_id,
    )


@tickets.on("com.example.ticket.escalated.v1", TicketEscalated, order_by="ticket_id")
def escalate(event: TicketEscalated, meta: Meta) -> NotifyOnCall:
    return NotifyOnCall(
        ticket=event.ticket_id,
        message=f"{event.ticket_id} was escalated: {event.reason} (event {meta.id})",
    )
