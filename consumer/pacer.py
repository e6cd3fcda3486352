"""How fast Foundry is asked: every request of the core goes through here, and says how it fared."""

from __future__ import annotations

import asyncio
from typing import Final

from consumer.model import Lookup, Request
from consumer.outcomes import Answer, Applied, LookupOutcome, Outage, Outcome, Unknown, Withheld
from consumer.ports import Actions
from consumer.state.gate import LONGEST_RETRY_AFTER
from consumer.state.limiter import Limiter
from consumer.state.retry_budget import RetryBudget

SLOW_PACE: Final = 0.25
"""Seconds between two requests while more fails than succeeds."""
_MEASURED: Final = 4
"""Of so many requests one tells how long they take."""
_UNAVAILABLE: Final = 503


class Pacer:
    """The `Actions` of the core, with the places that requests are sent in. One for each Foundry host."""

    def __init__(self, actions: Actions, *, most: int) -> None:
        self._actions = actions
        self._limiter = Limiter(most=most)
        self._budget = RetryBudget(burst=2 * most, pace=SLOW_PACE)
        self._now = asyncio.get_running_loop().time

    @property
    def limit(self) -> int:
        """Requests that may be on their way now."""
        return self._limiter.limit

    @property
    def limited(self) -> bool:
        """Fewer may be on their way than are allowed: Foundry refused more, or too much fails."""
        return not (self._limiter.calm and self._budget.full)

    @property
    def in_flight(self) -> int:
        """Requests that are on their way, or about to be."""
        return self._limiter.in_flight

    @property
    def shut(self) -> bool:
        """Foundry does not take even one request alone."""
        return self._limiter.shut

    def room(self, now: float) -> int:
        """How many more requests may begin now."""
        limiter = self._limiter
        if not self._budget.full:
            return min(limiter.room(now), self._budget.room(limiter.in_flight, now))
        # The good way of every request: what is one step here costs.
        return limiter.limit - limiter.in_flight if limiter.calm else limiter.room(now)

    def probe_room(self, now: float) -> int:
        """As `room`, for probes of a closed gate: it sets their pace, whatever was paid for.

        Those that hang would else keep the next from finding that all is well again.
        """
        return self._limiter.room(now)

    def opens_at(self, now: float) -> float | None:
        """Without room: when to ask again. None: when a place is left."""
        opens_at, budget = self._limiter.opens_at(now), self._budget
        if budget.full or budget.room(self._limiter.in_flight, now):
            return opens_at
        # The limit may be due to be raised meanwhile; that alone gives no room.
        return max(budget.opens_at, opens_at or 0.0)

    def take(self, now: float) -> None:
        """Take a place for one request at a time, until `leave`."""
        self._limiter.take(now)
        if not self._budget.full:
            self._budget.began(now)

    def leave(self) -> None:
        """The place is free again."""
        self._limiter.leave()

    def rest(self, outcome: Outcome, began: float) -> float:
        """Seconds that a place is held after a request that failed; charges it to the retry budget."""
        if not isinstance(outcome, Outage | Unknown) or throttled(outcome):
            return 0.0
        now = self._now()
        return self._budget.failed(now, now - began)

    async def send(self, request: Request) -> Outcome:
        """As `Actions.send`."""
        limiter, budget = self._limiter, self._budget
        ticket, level = limiter.begin(), limiter.in_flight
        # One record's boundary: a bug in the sending of one must not stop all. It may have been sent.
        try:
            outcome = await self._actions.send(request)
        except Exception as bug:  # noqa: BLE001 - whatever it is, it is answered
            outcome = Unknown(Answer("internal", f"{type(bug).__name__} while sending"))
        if type(outcome) is Applied:
            limiter.answered(ticket)
            if not budget.full:
                budget.succeeded()
            if not ticket % _MEASURED:
                budget.took(self._now() - request.entries[0].sent_at)
        else:
            self._learn(outcome, ticket, level)
        return outcome

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        """As `Actions.look_up`. Foundry counts it as it counts the others."""
        ticket, level = self._limiter.begin(), self._limiter.in_flight
        # One record's boundary, as above.
        try:
            outcome = await self._actions.look_up(lookup)
        except Exception as bug:  # noqa: BLE001 - whatever it is, it is answered
            outcome = Outage(Answer("internal", f"{type(bug).__name__} while reading"), "failing")
        self._learn(outcome, ticket, level)
        return outcome

    def _learn(self, outcome: Outcome | LookupOutcome, ticket: int, level: int) -> None:
        if isinstance(outcome, Outage | Unknown):
            if throttled(outcome):
                asked = min(outcome.answer.retry_after or 0.0, LONGEST_RETRY_AFTER)
                self._limiter.refused(ticket, level, self._now(), asked)
        elif not isinstance(outcome, Withheld):
            self._limiter.answered(ticket)
            self._budget.succeeded()


def throttled(outcome: Outage | Unknown) -> bool:
    """Too many requests: as Foundry says it, or a gateway before it, which leaves open what it did."""
    if isinstance(outcome, Outage):
        return outcome.gate == "overloaded"
    return outcome.answer.status == _UNAVAILABLE
