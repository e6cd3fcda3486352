"""The age of what is not settled: when records were taken in, and what their timestamps say."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Arrival(NamedTuple):
    """The first record that a poll returned for a partition; it stands for those that came with it."""

    offset: int
    timestamp: int
    """Milliseconds since the epoch, as the record says; -1: unknown."""
    taken_at: float
    """Seconds, by the clock of whoever calls `note`."""

    def age(self, wall: float, now: float) -> float:
        """Seconds, never negative: by the record's timestamp if that is plausible, else since it was taken in.

        `wall` is seconds since the epoch, `now` the clock of `taken_at`.
        """
        by_timestamp = wall - self.timestamp / 1000
        if self.timestamp > 0 and by_timestamp >= 0:
            return by_timestamp
        return max(0.0, now - self.taken_at)


class Arrivals:
    """One mark for each poll that returned records of a partition, so that nothing is kept per record.

    A record may be younger than its mark says, by as much as its poll's records span, but not older, as long as
    timestamps rise. A mark is dropped once everything before the next one is settled.
    """

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: deque[Arrival] = deque()

    def __len__(self) -> int:
        """How many marks are kept."""
        return len(self._marks)

    def note(self, offset: int, timestamp: int, now: float, *, settled: int) -> None:
        """The records of a poll begin at `offset`; everything before `settled` is done."""
        self._marks.append(Arrival(offset, timestamp, now))
        self._let_go(settled)

    def oldest(self, watermark: int) -> Arrival | None:
        """The mark for the record at the watermark; None: nothing has come yet."""
        self._let_go(watermark)
        return self._marks[0] if self._marks else None

    def _let_go(self, watermark: int) -> None:
        marks = self._marks
        while len(marks) > 1 and marks[1].offset <= watermark:
            marks.popleft()
