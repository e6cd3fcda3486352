"""The letter budget: dead letters are paid for by successes."""

from __future__ import annotations

from typing import Final

from consumer.errors import Reason

# Whole numbers: ten times 0.1 of a letter must be exactly one letter.
_PARTS: Final = 1_000_000


class LetterBudget:
    """A bucket of `burst` letters that starts full; each success adds `ratio` of a letter.

    Kept in memory only. When it is empty, so many letters are no longer just the records' own fault.
    """

    __slots__ = ("_burst", "_level", "_ratio", "_spent")

    def __init__(self, *, burst: int, ratio: float) -> None:
        """`ratio` is rounded to a millionth.

        Raises:
            ValueError: one of them is negative.
        """
        if burst < 0 or ratio < 0:
            raise ValueError(f"a negative letter budget: burst {burst}, ratio {ratio}")
        self._burst = burst * _PARTS
        self._ratio = round(ratio * _PARTS)
        self._level = self._burst
        self._spent: dict[Reason, tuple[int, str]] = {}

    @property
    def remaining(self) -> int:
        """Letters that may still be written before the next success."""
        return self._level // _PARTS

    def spend(self, reason: Reason, example: str) -> bool:
        """Pay for one letter; False: nothing is left, so it must not be written.

        `example` names the record by its coordinates, never by a value. Letters that are refused count in
        `dominant` too.
        """
        count, first = self._spent.get(reason, (0, example))
        self._spent[reason] = (count + 1, first)
        if self._level < _PARTS:
            return False
        self._level -= _PARTS
        return True

    def covers(self, letters: int, successes: int) -> bool:
        """Whether so many letters could be paid for after so many more successes."""
        return self._level + successes * self._ratio >= letters * _PARTS

    def succeeded(self, count: int = 1) -> None:
        """`count` records were applied."""
        self._level = min(self._burst, self._level + count * self._ratio)

    def refill(self) -> None:
        """An operator has looked, and says: go on."""
        self._level = self._burst
        self._spent.clear()

    def dominant(self) -> tuple[Reason, str] | None:
        """The most frequent reason since the last refill, with its first example; None: there was no letter."""
        if not self._spent:
            return None
        reason = max(self._spent, key=lambda known: self._spent[known][0])
        return reason, self._spent[reason][1]
