"""What is published, and what must come of it: written down by hand, so that no code of the service judges itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

TICKETS = "helpdesk.tickets"
EQUIPMENT = "fieldservice.equipment"
PARTITIONS: Mapping[str, int] = {TICKETS: 6, EQUIPMENT: 4}

REPEAT: Mapping[str, str] = {
    "create-ticket": "create",
    "register-equipment": "create",
    "set-ticket-priority": "safe",
    "close-ticket": "safe",
    "set-equipment-status": "safe",
    "record-reading": "safe",
    "add-ticket-comment": "ask",
    "notify-on-call": "never",
    "dispatch-technician": "never",
}
"""What the contracts say of a second apply of each action."""

ONCE = frozenset({"ask", "never"})
"""Repeats of these do harm: each may take effect once at most."""

BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
_CENTRAL_EUROPE = timezone(timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Wanted:
    """One action that must take effect, with exactly these parameters."""

    action: str
    parameters: Mapping[str, Any]

    @property
    def identity(self) -> str:
        return identity_of(self.action, self.parameters)


@dataclass(frozen=True, slots=True)
class Apply:
    """It becomes these actions, in this order."""

    actions: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Already:
    """It creates what an earlier event of its key has created: it counts as applied, without an effect."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A rule of the contract ignores it."""


@dataclass(frozen=True, slots=True)
class Bury:
    """It becomes a dead letter, for this reason."""

    reason: str


Expectation = Apply | Already | Ignore | Bury


@dataclass(frozen=True, slots=True)
class OddKey:
    """A header's key that is not UTF-8."""

    raw: bytes


Header = tuple[str | OddKey, bytes | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it is published. Its key is also what orders it."""

    topic: str
    key: str
    value: bytes | None
    headers: tuple[Header, ...]
    expect: Expectation


def identity_of(action: str, parameters: Mapping[str, Any]) -> str:
    """Equal for the same action with the same parameters, and for nothing else."""
    return f"{action} {json.dumps(parameters, sort_keys=True)}"


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def on_the_wire(moment: datetime) -> str:
    """A time as Foundry gets it: in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def as_published(moment: datetime, *, local: bool) -> str:
    """A time as publishers write it: some in UTC, some in their own zone."""
    return moment.astimezone(_CENTRAL_EUROPE).isoformat() if local else on_the_wire(moment)


def encoded(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def cloud_headers(event_id: str, event_type: str, source: str = "/helpdesk") -> tuple[Header, ...]:
    """The headers of a CloudEvent in binary mode."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", event_type.encode()),
        ("content-type", b"application/json"),
    )


def structured(event_id: str, event_type: str, data: Mapping[str, Any]) -> bytes:
    """The value of a CloudEvent in structured mode."""
    return encoded(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": "/helpdesk",
            "type": event_type,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


STRUCTURED_HEADERS: tuple[Header, ...] = (("content-type", b"application/cloudevents+json"),)


def wanted(*actions: tuple[str, Mapping[str, Any]]) -> Apply:
    return Apply(tuple(Wanted(name, parameters) for name, parameters in actions))


def all_wanted(drafts: Sequence[Draft]) -> list[Wanted]:
    return [
        each for draft in drafts if isinstance(draft.expect, Apply) for each in draft.expect.actions
    ]
