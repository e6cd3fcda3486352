"""Foundry in memory: what it executes, refuses, loses, and executes long after it was given up."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from consumer.errors import GateReason
from consumer.model import Lookup, Repeat, Request
from consumer.outcomes import (
    Answer,
    Applied,
    Conflicted,
    Found,
    LookupOutcome,
    Missing,
    Outage,
    Outcome,
    Oversized,
    Refused,
    Unknown,
)
from tests.fakes.capacity import Capacity
from tests.fakes.log import Coordinate, Fate
from tests.fakes.network import later, resolve
from tests.fakes.truth import Truth, parse_name

Target = tuple[Coordinate, int]
"""A record and which of its actions."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What befalls one request."""

    executed_after: float | None
    """Seconds from its first byte; None: never."""
    answered_after: float
    answer: Outcome | None = None
    """None: what the actions themselves deserve."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How probable it is that a request fares ill; the sum is at most 1."""

    unknown: float = 0.0
    """No answer: executed at once, later, or never."""
    broken: float = 0.0
    """An answer that says nothing (500): executed or not, but over."""
    throttled: float = 0.0
    """A certain refusal of the moment."""
    slow: float = 0.0


@dataclass(frozen=True, slots=True)
class Down:
    """From now until a time nothing of this action (None: of any) is executed."""

    until: float
    action: str | None
    gate: GateReason = "unreachable"
    unknown: float = 0.0
    """Share of requests that fail without saying whether they were executed (they were not)."""
    answer: Outcome | None = None
    """What each request gets, instead of a refusal for the sake of `gate`..."""
    after: float | None = None
    """...and so many seconds later; None: at once."""
    validates: bool = False
    """Validation is answered all the same."""

    def covers(self, action: str, now: float) -> bool:
        return now < self.until and self.action in (None, action)


@dataclass(slots=True)
class FakeFoundry:
    """The server; `FakeActions` is a process's way to it."""

    truth: Truth
    rng: random.Random
    request_timeout: float
    settle_time: float
    faults: Faults = field(default_factory=Faults)
    downs: list[Down] = field(default_factory=list)
    plans: deque[Plan] = field(default_factory=deque)
    """What befalls the next requests, before chance has its say."""
    largest_batch: int = 20
    names_largest_batch: bool = True
    requests: int = 0
    capacity: Capacity | None = None
    """None: it takes as many requests at one time as come."""
    hangs_after: float = 0.0
    """Share of requests that are executed and never answered..."""
    cuts_after: float = 0.0
    """...and of those whose connection is cut then."""
    unreadable: set[Coordinate] = field(default_factory=set)
    """Whose object cannot be read..."""
    reads_down_until: float = 0.0
    """...and until when none can, whatever becomes of actions."""
    bug_in_reading: bool = False
    arrivals: list[float] = field(default_factory=list)
    """When each of them came."""
    _conflicts: Counter[Coordinate] = field(default_factory=Counter)

    def faults_end(self) -> None:
        """From here on all goes well."""
        self.faults = Faults()
        self.downs.clear()
        self.plans.clear()
        self.capacity = None
        self.hangs_after = self.cuts_after = self.reads_down_until = 0.0
        self.unreadable.clear()
        self.bug_in_reading = False

    def receive(self, request: Request, owner: int) -> asyncio.Future[Outcome]:
        """The first byte has left. What happens from here on happens whatever becomes of the sender."""
        self.requests += 1
        self.arrivals.append(self.truth.now())
        targets = read_targets(request)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        down = self._down(request.action.name)
        if down is not None and down.validates and request.validate_only:
            down = None
        plan = self._illness(targets) or self._admit(targets) or self._plan(down)
        if plan.answer is None:
            delay = plan.executed_after or 0.0

            def arrived() -> None:
                outcome = self._execute(request, targets, owner)
                later(plan.answered_after - delay, lambda: resolve(answer, outcome))

            later(delay, arrived)
            return answer
        if plan.executed_after is not None:
            later(plan.executed_after, lambda: self._execute(request, targets, owner))
        unhappy = _without_effect(plan.answer) if request.validate_only else plan.answer
        later(plan.answered_after, lambda: resolve(answer, unhappy))
        return answer

    def find(self, lookup: Lookup) -> LookupOutcome:
        """What an object's reader sees now."""
        down = self._down(lookup.object_type)
        if down is not None:
            return Outage(Answer("unreachable"), down.gate, everywhere=down.action is None)
        coordinate = parse_name(str(lookup.key))
        if self.bug_in_reading:
            raise ZeroDivisionError
        if coordinate in self.unreadable or self.truth.now() < self.reads_down_until:
            return Outage(Answer("http_500", status=500), "failing")
        if self.truth.executed(coordinate):
            return Found({"id": str(lookup.key)})
        return Missing()

    def _execute(self, request: Request, targets: Sequence[Target], owner: int) -> Outcome:
        refusal = self._refusal(request, targets)
        if refusal is not None:
            return refusal
        if not request.validate_only:
            for coordinate, step in targets:
                self.truth.took_effect(coordinate, step, owner)
        return Applied()

    def _refusal(self, request: Request, targets: Sequence[Target]) -> Outcome | None:
        down = self._down(request.action.name)
        if down is not None and not (down.validates and request.validate_only):
            return Outage(Answer("http_503", status=503), down.gate, everywhere=down.action is None)
        if len(targets) > self.largest_batch:
            maximum = self.largest_batch if self.names_largest_batch else None
            return Oversized(Answer("too_large", status=400), maximum)
        specs = self.truth.log.specs
        if any(specs[coordinate].fate is Fate.POISON for coordinate, _ in targets):
            return Refused(Answer("ActionValidationFailed", status=400))
        if self._exists(request, targets):
            one = len(targets) == 1
            return Applied(already=True) if one else Refused(Answer("ObjectsAlreadyExist"))
        if self._conflict(targets):
            return Conflicted(Answer("ObjectChanged", status=409))
        return None

    def _exists(self, request: Request, targets: Sequence[Target]) -> bool:
        return any(
            entry.repeat is Repeat.CREATE and self.truth.executed(coordinate, step)
            for entry, (coordinate, step) in zip(request.entries, targets, strict=True)
        )

    def _conflict(self, targets: Sequence[Target]) -> bool:
        specs = self.truth.log.specs
        waiting = [
            coordinate
            for coordinate, _ in targets
            if self._conflicts[coordinate] < specs[coordinate].conflicts
        ]
        self._conflicts.update(waiting)
        return bool(waiting)

    def _down(self, action: str) -> Down | None:
        now = self.truth.now()
        return next((down for down in self.downs if down.covers(action, now)), None)

    def _illness(self, targets: Sequence[Target]) -> Plan | None:
        """What a record that is ill brings on whoever goes with it."""
        specs = [self.truth.log.specs[coordinate] for coordinate, _ in targets]
        ill = next((spec for spec in specs if spec.ill is not None), None)
        return None if ill is None else Plan(None, ill.ill_after, ill.ill)

    def _plan(self, down: Down | None) -> Plan:
        if self.plans:
            return self.plans.popleft()
        rng = self.rng
        quick = rng.uniform(0.001, 0.05)
        if down is not None and down.answer is not None:
            return Plan(None, quick if down.after is None else down.after, down.answer)
        if down is not None:
            if rng.random() < down.unknown:
                lost = Unknown(Answer("cut"), gate=down.gate, everywhere=down.action is None)
                return Plan(None, quick, lost)
            return Plan(quick, 2 * quick)
        ends = self.hangs_after + self.cuts_after
        if ends and (fate := rng.random()) < ends:
            hangs = fate < self.hangs_after
            cause, after = ("timeout", self.request_timeout) if hangs else ("reset", 0.01)
            return Plan(0.005, after, Unknown(Answer(cause), gate="timeouts"))
        return self._by_chance(quick)

    def _by_chance(self, quick: float) -> Plan:
        rng, faults = self.rng, self.faults
        for probability, plan in (
            (faults.unknown, self._unanswered),
            (faults.broken, self._answered_badly),
            (faults.throttled, self._throttled),
            (faults.slow, self._slow),
        ):
            if probability and rng.random() < probability:
                return plan()
        return Plan(quick, 2 * quick)

    def _admit(self, targets: Sequence[Target]) -> Plan | None:
        capacity = self.capacity
        if capacity is None:
            return None
        seconds = capacity.take(self.truth, [coordinate for coordinate, _ in targets])
        if seconds is None:
            return Plan(None, capacity.refused_within, capacity.refusal)
        return Plan(seconds, seconds)

    def _unanswered(self) -> Plan:
        """Timed out, or cut; executed never, before, or at the last moment that is allowed."""
        given_up = self.rng.choice((0.01, self.request_timeout))
        last = given_up + self.settle_time - 0.01
        executed = self.rng.choice((None, 0.005, given_up + 0.05, self.rng.uniform(0, last), last))
        cause = "timeout" if given_up == self.request_timeout else "reset"
        return Plan(executed, given_up, Unknown(Answer(cause), gate="timeouts"))

    def _answered_badly(self) -> Plan:
        executed = self.rng.choice((None, 0.005))
        answer = Answer("http_500", status=500)
        return Plan(executed, 0.02, Unknown(answer, answered=True, gate="failing"))

    def _throttled(self) -> Plan:
        answer = Answer("http_429", status=429, retry_after=self.rng.choice((None, 0.5)))
        return Plan(None, 0.02, Outage(answer, "overloaded", everywhere=True))

    def _slow(self) -> Plan:
        executed = self.rng.uniform(0.05, self.request_timeout - 0.1)
        return Plan(executed, executed + 0.05)


def _without_effect(outcome: Outcome) -> Outcome:
    """Nothing is ever executed by a validation, so it cannot be unknown whether it was."""
    if isinstance(outcome, Unknown):
        return Outage(outcome.answer, outcome.gate or "failing", outcome.everywhere)
    return outcome


def read_targets(request: Request) -> list[Target]:
    """Which records' actions a request carries, read from its body."""
    targets = []
    for parameters in request.parameters:
        read = json.loads(parameters)
        targets.append((parse_name(read["id"]), int(read["step"])))
    return targets
