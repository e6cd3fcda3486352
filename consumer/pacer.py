"""How fast requests go to Foundry: all of the core's pass through here, and their outcomes set the pace."""

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
"""The duration of one request in so many is measured."""
_UNAVAILABLE: Final = 503


class Pacer:
    """The core's `Actions`, and the places that requests are sent in. One for each Foundry host."""

    def __init__(self, actions: Actions, *, most: int) -> None:
        self._actions = actions
        self._limiter = Limiter(most=most)
        self._budget = RetryBudget(burst=2 * most, pace=SLOW_PACE)
        self._now = asyncio.get_running_loop().time

    @property
    def limit(self) -> int:
        """How many requests may be in flight now."""
        return self._limiter.limit

    @property
    def limited(self) -> bool:
        """Fewer may be in flight than are configured: Foundry refused more, or too much fails."""
        return not (self._limiter.calm and self._budget.full)

    @property
    def in_flight(self) -> int:
        """Requests that are in flight, or about to be."""
        return self._limiter.in_flight

    @property
    def shut(self) -> bool:
        """Foundry refuses even a single request at a time."""
        return self._limiter.shut

    def room(self, now: float) -> int:
        """How many more requests may begin now."""
        limiter = self._limiter
        if not self._budget.full:
            return min(limiter.room(now), self._budget.room(limiter.in_flight, now))
        # Every request comes through here: each step costs.
        return limiter.limit - limiter.in_flight if limiter.calm else limiter.room(now)

    def probe_room(self, now: float) -> int:
        """As `room`, for probes of a closed gate, whose pace the gate sets: the retry budget does not apply.

        Otherwise probes that hang would keep the next one from finding that all is well again.
        """
        return self._limiter.room(now)

    def opens_at(self, now: float) -> float | None:
        """When to ask for room again, if there is none; None: when a place becomes free."""
        opens_at, budget = self._limiter.opens_at(now), self._budget
        if budget.full or budget.room(self._limiter.in_flight, now):
            return opens_at
        # The limit may be due for a raise before that, but a raise alone gives no room.
        return max(budget.opens_at, opens_at or 0.0)

    def hurry(self) -> None:
        """An operator wants to know soon whether Foundry takes requests again."""
        self._limiter.hurry(self._now())

    def take(self, now: float) -> None:
        """Take a place for one request at a time, until `leave`."""
        self._limiter.take(now)
        if not self._budget.full:
            self._budget.began(now)

    def leave(self) -> None:
        """The place is free again."""
        self._limiter.leave()

    def rest(self, outcome: Outcome, began: float) -> float:
        """Charge a failed request to the retry budget; returns the seconds to hold its place for.

        `began`: loop time at which the request was sent.
        """
        if not isinstance(outcome, Outage | Unknown) or throttled(outcome):
            return 0.0
        now = self._now()
        return self._budget.failed(now, now - began)

    async def send(self, request: Request) -> Outcome:
        """As `Actions.send`."""
        limiter, budget = self._limiter, self._budget
        ticket, level = limiter.begin(), limiter.in_flight
        # The boundary of one record: a bug in sending one must not stop all. It may have been sent.
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
        """As `Actions.look_up`. Foundry counts it against the same limit."""
        ticket, level = self._limiter.begin(), self._limiter.in_flight
        # The boundary of one record, as above.
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
    """Too many requests, by the word of Foundry or of a gateway before it (a 503 leaves open what was done)."""
    if isinstance(outcome, Outage):
        return outcome.gate == "overloaded"
    return outcome.answer.status == _UNAVAILABLE
