"""What became of a request or a lookup: a union that is matched exhaustively, never a flag or a string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from consumer.errors import GateReason


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known about a failed request. Never a payload, a header or a secret."""

    cause: str
    """A short constant for metrics and logs: `timeout`, `http_503`, `ObjectChanged`, ..."""
    detail: str = field(default="", repr=False)
    """Partly in Foundry's own words, which may quote an event: so not in the `repr`."""
    status: int | None = None
    error_code: str | None = None
    error_name: str | None = None
    error_instance_id: str | None = None
    retry_after: float | None = None
    """Seconds to wait, as the server asked."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Every action of the request took effect, now or (`already`) earlier."""

    already: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Not executed, and never will be as it stands: the actions themselves are at fault."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Conflicted:
    """Not executed, but the same request may succeed soon: object changed, reference not there yet."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Oversized:
    """Not executed: too many actions for one request; `maximum` where the server named it."""

    answer: Answer
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """Not executed, and the world's fault: the gate closes for `scope`."""

    answer: Answer
    gate: GateReason
    everywhere: bool = False
    """True: for all action types; False: for this one."""
    remedy: str | None = None
    """What a person has to do, where waiting alone will not fix it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been executed: it failed after its headers were sent."""

    answer: Answer
    answered: bool = False
    """True: the server itself answered, so the attempt is over and cannot take effect later."""
    gate: GateReason | None = None
    """Set where it is also a sign of an outage."""
    everywhere: bool = False
    remedy: str | None = None
    """As in `Outage`."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Not sent after all: the last check before the body's first byte said no (lease, partition, gate)."""


Outcome = Applied | Refused | Conflicted | Oversized | Outage | Unknown | Withheld


@dataclass(frozen=True, slots=True)
class Found:
    """The object that a lookup found."""

    properties: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """A lookup found no such object."""


LookupOutcome = Found | Missing | Outage
