"""The life of a ticket as the help desk publishes it: opened, talked about, now and then escalated, closed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from deploy.local.demo.events import (
    STRUCTURED_HEADERS,
    TICKETS,
    Already,
    Apply,
    Bury,
    Draft,
    Expectation,
    Ignore,
    as_published,
    at,
    cloud_headers,
    encoded,
    on_the_wire,
    structured,
    wanted,
)
from deploy.local.demo.sites import printer

TYPE = "com.example.ticket.{}.v1"
TITLES = (
    "Printer is on fire",
    "No toner",
    "Paper jam in tray 2",
    "Screen stays dark",
    "Café Wi-Fi",
)
COMMENTS = ("It smokes again.", "The customer called.", "Part ordered — två dagar.", "Fixed? No.")
AUTHORS = ("mia", "noor", "José", "li")
REASONS = ("fire brigade asks", "the whole floor waits", "third time this week")
NO_TICKETS = 1_000_000
"""Numbers from here on are of tickets that were never opened."""
HAPPENINGS = (("comment", "priority", "escalation"), (50, 40, 10))
"""What happens to a ticket, and how often of a hundred times."""
CLOSED, ABOUT_A_PRINTER, SENT_TWICE = 0.8, 0.3, 0.03
UNKNOWN_FIELD, WITHOUT_NOTE, LOCAL_TIME, STRUCTURED = 0.1, 0.2, 0.3, 0.1


class Ticket:
    """One ticket; `story` gives its events in their order."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self._number = number
        self._id = f"T-{number}"
        self._chance = chance
        self._seconds = chance.uniform(0, 86_400)
        self._step = 0
        self._told_without_note = False

    def story(self) -> Iterator[Draft]:
        yield from self._opening()
        for _ in range(self._chance.randint(2, 7)):
            yield self._happening()
        if self._happens(CLOSED):
            yield self._closing()

    def _opening(self) -> Iterator[Draft]:
        moment, local = self._moment()
        fields: dict[str, Any] = {
            "ticket_id": self._id,
            "title": self._chance.choice(TITLES),
            "priority": self._chance.choice(("low", "high")),
            "opened_at": as_published(moment, local=local),
        }
        parameters = {
            "ticketId": self._id,
            "title": fields["title"],
            "priority": fields["priority"],
            "openedAt": on_the_wire(moment),
        }
        if self._happens(ABOUT_A_PRINTER):
            fields["equipment_id"] = parameters["equipment"] = printer(self._number)
        if self._happens(UNKNOWN_FIELD):
            fields["channel"] = "phone"  # the contract does not know it: ignored, and counted
        yield self._draft("opened", fields, wanted(("create-ticket", parameters)))
        if self._happens(SENT_TWICE):
            yield self._draft("opened", fields, Already())  # a publisher that sends again

    def _happening(self) -> Draft:
        match self._chance.choices(*HAPPENINGS)[0]:
            case "comment":
                return self._comment()
            case "priority":
                return self._reprioritised()
            case _:
                return self._escalated()

    def _comment(self) -> Draft:
        moment, local = self._moment()
        comment_id = f"C-{self._number}-{self._step}"
        author, text = self._chance.choice(AUTHORS), self._chance.choice(COMMENTS)
        fields = {
            "comment_id": comment_id,
            "ticket_id": self._id,
            "author": author,
            "text": text,
            "written_at": as_published(moment, local=local),
        }
        parameters = {
            "ticket": self._id,
            "author": author,
            "text": text,
            "writtenAt": on_the_wire(moment),
            "eventId": comment_id,
        }
        return self._draft("comment-added", fields, wanted(("add-ticket-comment", parameters)))

    def _reprioritised(self) -> Draft:
        priority = self._chance.choice(("low", "high"))
        note: str | None = f"decided in call {self._number}-{self._step}"
        if not self._told_without_note and self._happens(WITHOUT_NOTE):
            # Once for each ticket: two alike could not be told apart in Foundry.
            note, self._told_without_note = None, True
        fields = {"ticket_id": self._id, "priority": priority}
        if note is not None:
            fields["note"] = note
        parameters = {"ticket": self._id, "priority": priority, "note": note}
        return self._draft("reprioritised", fields, wanted(("set-ticket-priority", parameters)))

    def _escalated(self) -> Draft:
        reason = self._chance.choice(REASONS)
        message = f"{self._id} was escalated: {reason} (event {self._event_id})"
        expect = wanted(("notify-on-call", {"ticket": self._id, "message": message}))
        return self._draft("escalated", {"ticket_id": self._id, "reason": reason}, expect)

    def _closing(self) -> Draft:
        moment, local = self._moment()
        resolution = self._chance.choice(("solved", "solved", "repaired", "duplicate"))
        fields = {
            "ticket_id": self._id,
            "closed_at": as_published(moment, local=local),
            "resolution": resolution,
        }
        parameters = {
            "ticket": self._id,
            "closedAt": on_the_wire(moment),
            "resolution": resolution,
        }
        if resolution == "duplicate":
            return self._draft("closed", fields, Ignore())
        actions: list[tuple[str, Mapping[str, Any]]] = [("close-ticket", parameters)]
        if resolution == "repaired":
            fields["equipment_id"] = printer(self._number)
            actions.append(
                ("set-equipment-status", {"equipment": printer(self._number), "status": "working"})
            )
        return self._draft("closed", fields, wanted(*actions))

    def _happens(self, share: float) -> bool:
        return self._chance.random() < share

    @property
    def _event_id(self) -> str:
        return f"event-{self._number}-{self._step}"

    def _moment(self) -> tuple[datetime, bool]:
        self._seconds += self._chance.randint(1, 7_200) + self._chance.choice((0, 0.25))
        return at(self._seconds), self._happens(LOCAL_TIME)

    def _draft(self, kind: str, fields: Mapping[str, Any], expect: Expectation) -> Draft:
        event_id, event_type = self._event_id, TYPE.format(kind)
        self._step += 1
        if isinstance(expect, Apply) and self._happens(STRUCTURED):
            value = structured(event_id, event_type, fields)
            return Draft(TICKETS, self._id, value, STRUCTURED_HEADERS, expect)
        headers = cloud_headers(event_id, event_type)
        return Draft(TICKETS, self._id, encoded(fields), headers, expect)


def about_no_ticket(number: int) -> Draft:
    """Valid, but Foundry has no such ticket and never will: tried a few times, then a letter."""
    ticket_id = f"T-{NO_TICKETS + number}"
    fields = {"ticket_id": ticket_id, "priority": "high"}
    headers = cloud_headers(f"event-nowhere-{number}", TYPE.format("reprioritised"))
    return Draft(TICKETS, ticket_id, encoded(fields), headers, Bury("exhausted"))
