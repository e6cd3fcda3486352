"""Faults to switch on: what goes wrong, where, how often and for how long. No I/O here."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

Kind = Literal[
    "latency",  # `seconds`, or between `low` and `high`, between the checks and the effect
    "status",  # `status` as `body` says (json, text, html, empty); `retry_after`
    "error",  # Foundry's error `name` with `code` and `status`
    "invalid",  # a validation that is INVALID for a submission criterion, `message`
    "unauthorized",  # 401, whatever the token
    "forbidden",  # 403 ApiUsageDenied, `scope`
    "missing",  # ActionTypeNotFound
    "redirect",  # 302 to a login page
    "html",  # 200 with a page
    "cut",  # the connection is reset without an answer
    "cut_body",  # a 200 whose body ends too early
    "hang",  # no answer until the fault is cleared, the client goes, or `seconds`, after which what was executed is answered
    "late",  # the effect comes `seconds` later; meanwhile `then` (hang, cut, status)
    "limit",  # more than `concurrency` requests under way: 429
]
When = Literal["before", "after"]
Endpoint = Literal["actions", "token", "metadata", "objects", "any"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Without a scope it meets every action request, always, until cleared."""

    kind: Kind
    when: When = "before"
    """Before: the actions are not executed. After: they are, and then it goes wrong."""
    endpoint: Endpoint = "actions"
    action: str | None = None
    key: str | None = None
    """Only requests that carry this value, as text, in any parameter."""
    share: float = 1.0
    times: int | None = None
    """At most so many requests."""
    duration: float | None = None
    """Seconds from when it was switched on."""
    seconds: float = 0.0
    low: float | None = None
    high: float | None = None
    status: int | None = None
    """Default: 503; of an `error`: what its code means."""
    body: Literal["json", "text", "html", "empty"] = "json"
    retry_after: str | None = None
    code: str = "INTERNAL"
    name: str = "Default:Internal"
    message: str = "The submission criteria are not satisfied"
    scope: str = "api:ontologies-write"
    concurrency: int = 1
    then: Literal["hang", "cut", "status"] = "hang"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"fault: {name} is one of {', '.join(allowed)}")
        if not 0 <= self.share <= 1:
            raise ValueError("fault: share is between 0 and 1")

    def delay(self, random_: random.Random) -> float:
        """Seconds."""
        if self.low is None or self.high is None:
            return self.seconds
        return random_.uniform(self.low, self.high)


CHOICES: Mapping[str, tuple[str, ...]] = {
    "kind": get_args(Kind),
    "when": get_args(When),
    "endpoint": get_args(Endpoint),
    "body": ("json", "text", "html", "empty"),
    "then": ("hang", "cut", "status"),
}
NUMBERS: Mapping[str, Callable[[str], float]] = {
    **dict.fromkeys(("share", "duration", "seconds", "low", "high"), float),
    **dict.fromkeys(("times", "status", "concurrency"), int),
}


def parse_fault(text: str) -> Fault:
    """`kind:name=value,...`, as in `status:status=503,share=0.1`.

    Raises:
        ValueError: a kind, a name or a value is not known.
    """
    kind, _, rest = text.partition(":")
    pairs = [part.partition("=") for part in rest.split(",") if part]
    return fault_from({"kind": kind, **{name.strip(): value for name, _, value in pairs}})


def fault_from(given: Mapping[str, Any]) -> Fault:
    """A fault from names and values, which may be text. Raises ValueError."""
    known = {each.name for each in fields(Fault)}
    unknown = given.keys() - known
    if unknown:
        raise ValueError(f"fault: unknown {', '.join(sorted(unknown))}")
    converted: dict[str, Any] = {
        name: NUMBERS[name](value) if name in NUMBERS and value is not None else value
        for name, value in given.items()
    }
    return Fault(**converted)


@dataclass(slots=True)
class Switched:
    """A fault that is on."""

    id: int
    fault: Fault
    until: float | None
    left: int | None
    met: int = 0
    """Requests that it has met."""
    release: set[Callable[[], None]] = field(default_factory=set)
    """Called when it is cleared: what lets a hanging request go."""

    def as_json(self) -> dict[str, Any]:
        shown = {name: value for name, value in asdict(self.fault).items() if value is not None}
        return {**shown, "id": self.id, "left": self.left, "met": self.met}


class Faults:
    """The faults that are on. Chance is seeded: the same requests meet the same faults."""

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._clock = clock
        self._on: dict[int, Switched] = {}
        self._next = 1
        for fault in faults:
            self.switch_on(fault)

    def __bool__(self) -> bool:
        return bool(self._on)

    @property
    def on(self) -> Sequence[Switched]:
        return tuple(self._on.values())

    def switch_on(self, fault: Fault) -> Switched:
        until = None if fault.duration is None else self._clock() + fault.duration
        switched = Switched(self._next, fault, until, fault.times)
        self._on[switched.id] = switched
        self._next += 1
        return switched

    def clear(self, fault_id: int | None = None) -> int:
        """Switch off one, or all; requests that hang by them are let go. How many there were."""
        ids = list(self._on) if fault_id is None else [fault_id]
        gone = [self._on.pop(each) for each in ids if each in self._on]
        for switched in gone:
            for let_go in tuple(switched.release):
                let_go()
        return len(gone)

    def meet(
        self,
        endpoint: Endpoint,
        action: str | None,
        items: Sequence[Mapping[str, Any]],
        in_flight: int,
    ) -> tuple[float, Switched | None]:
        """The delay that awaits a request, and the first other fault that meets it."""
        delay, found = 0.0, None
        for switched in list(self._on.values()):
            if found is not None and switched.fault.kind != "latency":
                continue
            if not self._meets(switched, endpoint, action, items, in_flight):
                continue
            switched.met += 1
            if switched.left is not None:
                switched.left -= 1
            if switched.fault.kind == "latency":
                delay += switched.fault.delay(self._random)
            else:
                found = switched
        return delay, found

    def _meets(
        self,
        switched: Switched,
        endpoint: Endpoint,
        action: str | None,
        items: Sequence[Mapping[str, Any]],
        in_flight: int,
    ) -> bool:
        fault = switched.fault
        if self._over(switched) or fault.endpoint not in {endpoint, "any"}:
            return False
        if fault.action not in {None, action}:
            return False
        if fault.key is not None and not _carries(items, fault.key):
            return False
        if fault.kind == "limit" and in_flight <= fault.concurrency:
            return False
        return fault.share >= 1 or self._random.random() < fault.share

    def _over(self, switched: Switched) -> bool:
        spent = switched.left is not None and switched.left <= 0
        late = switched.until is not None and self._clock() >= switched.until
        return spent or late


def _carries(items: Sequence[Mapping[str, Any]], key: str) -> bool:
    return any(str(value) == key for item in items for value in item.values())
