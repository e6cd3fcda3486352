"""How many requests may be in flight: as many as Foundry takes, found out by trial.

The limit begins at the configured maximum and comes down only on evidence, which is a refusal (429, 503).
Latency alone is no evidence: an action may rightly take seconds.

Going down. Foundry takes as many requests as were in flight and not refused when the first refusal came:
that number is the limit at once, however large the step. If most of what begins after that is refused too,
Foundry takes less than it did: the limit is halved, and then there is a pause. A request that is refused
although it is the only one leads to a pause as well. A few refusals among many answers are noise.

Going up. A limit that is reached, and at which nothing is refused for a while, is raised by one, then by two,
four, and so on. The first refusal ends the attempt, and the next one waits twice as long each time. An attempt
costs one request. Nothing is raised before a Retry-After has passed. After a failed attempt one place stays
empty for a while: another process may share the same limit and have no place.

When the number does not matter. A gateway may refuse a fifth of all requests, however few there are. Refusals
of requests that are alone show that: then this share, and somewhat more, counts as noise until all is well.
A refusal that says how long to wait is always believed.

How it is used, by coroutines that never await between two of these calls:

    if room(now): take(now)          a place, until `leave`
    ticket = begin()                 a request begins in a place that was taken
    answered(ticket)                 Foundry dealt with it, whatever it said
    refused(ticket, level, now, ..)  it did not; `level`: places that were taken when it began
    nothing                          it failed in another way, which has nothing to do with how many there are

Evidence is ordered by tickets, not by the clock, so that a jump of the clock changes no judgement.
"""

from __future__ import annotations

from typing import Final

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 4.0
"""Seconds between two attempts to raise the limit; also of a pause for which the server gives no length."""
ROUND: Final = 0.1
"""Least seconds between two steps of one attempt: by then any refusal of the first step has come."""
_WEIGHT: Final = 1 / 20
_NOISE: Final = 1 / 5
"""Up to this share, a moving average, refusals have nothing to do with how many requests there are."""
_MOST_NOISE: Final = 3 / 5
_LONE_WEIGHT: Final = 1 / 10
"""Two refusals of lone requests shortly after one another exceed this."""
_WELL: Final = 1 / 50
_NOTHING: Final = 1e-4
_SPARED: Final = 1 / 40
"""The share of what Foundry takes that is left to others: processes that share a user's limit would otherwise starve a latecomer."""


class Limiter:
    """Between 1 and `most` requests at one time. Times are seconds of one monotonic clock."""

    __slots__ = (
        "_admitted_at",
        "_asked_until",
        "_changed_at",
        "_first_refusal",
        "_grow_at",
        "_in_a_row",
        "_lone",
        "_most",
        "_pause",
        "_paused_until",
        "_proved",
        "_refused_since",
        "_share",
        "_spared_until",
        "_standing",
        "_step",
        "_tickets",
        "_trial",
        "_wait",
        "calm",
        "in_flight",
        "limit",
        "shut",
    )

    def __init__(self, *, most: int) -> None:
        """`most`: the configured maximum.

        Raises:
            ValueError: it is below 1.
        """
        if most < 1:
            raise ValueError(f"at most {most} requests at one time")
        self._most = most
        self.limit = most
        """How many requests may be in flight now."""
        self.in_flight = 0
        """Places that are taken."""
        self.calm = True
        """True: the limit is at its maximum and undisputed, so `room` is just the limit less what is taken."""
        self._tickets = 0
        self._share = 0.0
        self._lone = 0.0  # the share of lone requests that were refused without a Retry-After
        # Going down
        self._first_refusal = 0  # the latest ticket when the present burst of refusals began
        self._refused_since = 0  # of those that began after that
        self._standing = 0
        self._in_a_row = 0
        self._admitted_at = 0  # the latest ticket when Foundry last dealt with a request
        self._paused_until = float("-inf")
        self._pause = FIRST_WAIT / 2
        self._spared_until = float("-inf")
        self.shut = False
        """The latest evidence is that not even a single request at a time is taken."""
        # Going up
        self._changed_at = 0
        self._proved = (
            False  # a request that began since the last change of the limit was dealt with
        )
        self._trial = (
            0  # the ticket at which the limit was raised, while it is unknown whether it holds
        )
        self._step = 1
        self._wait = FIRST_WAIT
        self._grow_at = float("-inf")
        self._asked_until = float("-inf")

    def room(self, now: float) -> int:
        """How many more may be taken now."""
        if now < self._paused_until:
            return 0
        free = self.limit - self.in_flight
        if free == 1 and now < self._spared_until:
            return 0
        if free == 0 and self._proved and now >= self._grow_at:
            return min(self._step, self._most - self.limit)
        return max(0, free)

    def opens_at(self, now: float) -> float | None:
        """When to ask for room again, if there is none; None: when a place becomes free."""
        if now < self._paused_until:
            return self._paused_until
        if self.in_flight == self.limit - 1 and now < self._spared_until:
            return self._spared_until
        waits = self._proved and self.in_flight == self.limit < self._most
        return self._grow_at if waits else None

    def hurry(self, now: float) -> None:
        """An operator wants to know soon: no pause is waited for."""
        self._paused_until = min(self._paused_until, now)

    def take(self, now: float) -> None:
        """Take a place. If the limit is reached this raises it: `room` has said that it may."""
        if self.in_flight >= self.limit:
            self._raise(now)
        self.in_flight += 1

    def leave(self) -> None:
        """The place is free again."""
        self.in_flight -= 1

    def begin(self) -> int:
        """A request begins; returns its ticket."""
        self._tickets += 1
        return self._tickets

    def answered(self, ticket: int) -> None:
        """Foundry dealt with the request."""
        self._admitted_at = self._tickets
        if self._share or not self.calm:
            self._weigh(ticket)

    def _weigh(self, ticket: int) -> None:
        """What an answer proves once something has been refused."""
        self._share = self._share * (1 - _WEIGHT) if self._share > _NOTHING else 0.0
        if self._share < _WELL:
            self._lone = 0.0
        elif self.limit == 1:
            self._lone -= self._lone * _LONE_WEIGHT
        if ticket > self._changed_at:
            self._proved = True
        if (self._in_a_row or self.shut) and ticket > self._first_refusal:
            self.shut = False
            self._in_a_row = 0
            self._pause = FIRST_WAIT / 2
        if self._trial and ticket > self._trial + self.limit:
            # A whole round at this limit, and nothing refused: it holds.
            self._trial = 0
            self._wait = FIRST_WAIT

    def refused(self, ticket: int, level: int, now: float, retry_after: float | None) -> None:
        """Foundry refused the request, and asked to wait `retry_after` seconds.

        `level`: how many places were taken when it began.
        """
        self._share += (1 - self._share) * _WEIGHT
        asked = retry_after or 0.0
        if self.limit == 1 and level <= 1 and not asked:
            self._lone += (1 - self._lone) * _LONE_WEIGHT
        if ticket <= self._first_refusal:
            self._standing -= 1
        elif not self._strike(ticket, level, now, asked):
            return
        if self._standing == 0 and self._admitted_at < ticket:
            self.shut = True
            self._rest(now, asked)
        self._lower(min(self.limit, self._standing))
        self._step = 1
        self._asked_until = max(self._asked_until, now + asked)
        self._grow_at = max(self._asked_until, self._paused_until, now + self._wait)

    def _strike(self, ticket: int, level: int, now: float, asked: float) -> bool:
        """Judge the first refusal of a burst, or one of a request that began after such a burst.

        False: it is noise.
        """
        self._refused_since += 1
        alone = level <= 1 and self._admitted_at < ticket
        if self._lone > _LONE_WEIGHT:
            noise = self._share <= min(_NOISE + self._lone, _MOST_NOISE) and not asked
        else:
            noise = self._share <= _NOISE and not (alone or 0 < self._trial < ticket)
        if noise:
            return False
        if self._in_a_row and 2 * self._refused_since < self._tickets - self._first_refusal:
            # Most of what began since may yet be taken: nothing new is known.
            self._standing = min(self._standing, self.limit - 1)
            return True
        self._in_a_row += 1
        self._standing = max(level, self.in_flight) - 1
        if self._in_a_row > 1:
            self._standing = min(self._standing, self.limit // 2)
        self._first_refusal = self._tickets
        self._refused_since = 0
        self._wait = min(2 * self._wait, LONGEST_WAIT) if self._trial else FIRST_WAIT
        if self._trial:
            self._spared_until = now + self._wait * min(1.0, self._standing * _SPARED)
        self._trial = 0
        if self._in_a_row > 2:  # noqa: PLR2004 - one may be chance, and two a limit that came down
            self._in_a_row = 0
            if self._standing:
                self._rest(now, asked)
        return True

    def _rest(self, now: float, asked: float) -> None:
        """Send nothing for as long as the server asked, or for our own pause if that is longer."""
        self._paused_until = max(self._paused_until, now + max(asked, self._pause))
        self._pause = min(2 * self._pause, LONGEST_WAIT)
        self._wait = FIRST_WAIT  # the pause stands for the wait

    def _lower(self, limit: int) -> None:
        self.limit = max(1, limit)
        self.calm = False
        self._changed_at = self._tickets
        self._proved = False

    def _raise(self, now: float) -> None:
        self.limit = min(self._most, self.limit + self._step)
        self.calm = self.limit == self._most
        if self._step > 1:
            self._wait = FIRST_WAIT  # the step before this one held
        self._step *= 2
        self._trial = self._changed_at = self._tickets
        self._proved = False
        self._grow_at = now + ROUND
