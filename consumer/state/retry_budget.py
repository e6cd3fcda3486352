"""How much a Foundry in trouble is asked: retries are paid for by successes, and come no faster than those.

A request that fails through no fault of its own will be sent again, so it takes one from a bucket to which
each success adds one; no more requests are in flight than the bucket could pay for. While more fails than
succeeds it runs empty, and then requests of any kind go out at a fixed slow pace. Successes allow more again,
twice as many each round. A request that failed quickly holds its place for as long as one that succeeds would,
so that failing fast does not mean sending faster.
"""

from __future__ import annotations

from typing import Final

_WEIGHT: Final = 1 / 16
_LONGEST_REST: Final = 5.0


class RetryBudget:
    """Starts full: `burst` requests may fail at once. Times are seconds of one monotonic clock."""

    __slots__ = ("_burst", "_left", "_next", "_pace", "_usual", "full", "spent")

    def __init__(self, *, burst: int, pace: float) -> None:
        """`pace`: seconds between two requests while the budget is spent.

        Raises:
            ValueError: `burst` is below 1, or `pace` is not above 0.
        """
        if burst < 1 or pace <= 0:
            raise ValueError(f"a retry budget of {burst} at a pace of {pace}")
        self._burst = burst
        self._left = burst
        self._pace = pace
        self._next = float("-inf")
        self._usual = 0.0
        self.full = True
        """True: the bucket is full, and a success adds nothing."""
        self.spent = False
        """True: the bucket is empty, and requests go out at the slow pace."""

    @property
    def opens_at(self) -> float:
        """When the next request may begin that nothing has paid for."""
        return self._next

    def room(self, in_flight: int, now: float) -> int:
        """How many more may begin beside those in flight, all of which may fail."""
        paid_for = self._left - in_flight
        # Requests that hang must not hold back more than failures do.
        return paid_for if paid_for > 0 else int(now >= self._next)

    def began(self, now: float) -> None:
        """A request began."""
        self._next = now + self._pace

    def succeeded(self) -> None:
        """Foundry dealt with a request."""
        self._left = min(self._burst, self._left + 1)
        self.full = self._left == self._burst
        self.spent = False

    def took(self, seconds: float) -> None:
        """A request was applied, and took this long."""
        self._usual += (seconds - self._usual) * (_WEIGHT if self._usual else 1)

    def failed(self, now: float, seconds: float) -> float:
        """A request failed after so many seconds; returns for how many more to hold its place."""
        self._left = max(0, self._left - 1)
        self.full, self.spent = False, not self._left
        if self.spent:
            self._next = max(self._next, now + self._pace)
        return min(max(0.0, self._usual - seconds), _LONGEST_REST)
