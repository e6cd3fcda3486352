"""How old what is not settled is: when records came, and what their timestamps say."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Arrival(NamedTuple):
    """The first record of a helping; it stands for those that came with it."""

    offset: int
    timestamp: int
    """Milliseconds since the epoch, as the record says; -1: unknown."""
    taken_at: float
    """Seconds of the clock that whoever notes goes by."""

    def age(self, wall: float, now: float) -> float:
        """Seconds, never negative: by the record's timestamp, if it can be, else since it was taken in.

        `wall` is seconds since the epoch, `now` the clock of `taken_at`.
        """
        by_timestamp = wall - self.timestamp / 1000
        if self.timestamp > 0 and by_timestamp >= 0:
            return by_timestamp
        return max(0.0, now - self.taken_at)


class Arrivals:
    """One mark for each helping of a partition, so that nothing is kept for each record.

    A record behind a mark may be younger than it says, by what its helping spans: never older, as far
    as timestamps rise. What is settled is let go with the next mark.
    """

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: deque[Arrival] = deque()

    def __len__(self) -> int:
        """Marks that are kept."""
        return len(self._marks)

    def note(self, offset: int, timestamp: int, now: float, *, settled: int) -> None:
        """A helping begins at `offset`; all before `settled` is done."""
        self._marks.append(Arrival(offset, timestamp, now))
        self._let_go(settled)

    def oldest(self, watermark: int) -> Arrival | None:
        """The mark that stands for the record at the watermark; None: nothing came yet."""
        self._let_go(watermark)
        return self._marks[0] if self._marks else None

    def _let_go(self, watermark: int) -> None:
        marks = self._marks
        while len(marks) > 1 and marks[1].offset <= watermark:
            marks.popleft()
