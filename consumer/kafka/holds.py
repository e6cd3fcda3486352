"""Partitions that stand still: why, at which offset, and how far an operator may have them skipped."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from consumer.errors import SkipRefused
from consumer.kafka.logs import fields
from consumer.model import Partition, Unreadable
from consumer.ports import Clock

log = logging.getLogger(__name__)

LOOK_AGAIN_AFTER = 30.0
MOST_LETTERS: Final = 12_000
"""Most letters of one skip, one for each offset; beyond that a single letter names the range."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a partition is not read any further."""

    offset: int
    """The first offset that is not read."""
    why: str
    end: int | None = None
    """The offset after what is stuck; None: it is not known, or there is nothing to skip."""
    records: bool = True
    """False: the records there no longer exist."""
    lasting: bool = False
    """True: it ends when whoever began it says so, not because a read succeeds."""

    @property
    def span(self) -> str:
        last = (self.end or self.offset + 1) - 1
        return f"offset {last}" if last == self.offset else f"offsets {self.offset} to {last}"


class Holds:
    """What is held and what is being skipped, by partition. A hold is tried again from time to time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[Partition, Hold] = {}
        self._look_again_at: dict[Partition, float] = {}
        self._skipped: dict[Partition, Hold] = {}

    @property
    def reasons(self) -> Mapping[Partition, str]:
        return {partition: hold.why for partition, hold in self._held.items()}

    def hold(self, partition: Partition, hold: Hold) -> None:
        """Begin a hold, or renew it. It is logged only when it begins."""
        held = self._held.get(partition)
        if held is not None and held.lasting and not hold.lasting:
            return
        # The text of other holds changes as the log grows: that is not logged again.
        if held is None or (hold.lasting and held.why != hold.why):
            log.error(
                "partition held",
                extra=fields(topic=partition.topic, partition=partition.partition, why=hold.why),
            )
        self._held[partition] = hold
        self._look_again_at[partition] = self._clock.now() + LOOK_AGAIN_AFTER

    def release(self, partition: Partition, *, lasting: bool = False) -> None:
        """It can be read again. A lasting hold ends only with `lasting`."""
        held = self._held.get(partition)
        if held is not None and held.lasting is lasting:
            del self._held[partition]

    def clear(self) -> None:
        """Nothing is assigned any more."""
        self._held.clear()
        self._skipped.clear()

    def rests(self, partition: Partition) -> bool:
        """True: it is not yet time to try it again."""
        held = self._held.get(partition)
        if held is None or held.lasting:
            return held is not None  # a lasting hold outranks an earlier skip
        return partition not in self._skipped and self._look_again_at[partition] > self._clock.now()

    def skip(self, partition: Partition, offset: int) -> str:
        """Skip what is stuck at this offset; returns a sentence that says what that is.

        Raises:
            SkipRefused: nothing is stuck at this offset, or where it ends is not known.
        """
        name, hold = f"{partition.topic}/{partition.partition}", self._held.get(partition)
        if hold is None:
            raise SkipRefused(f"{name} is not held")
        if offset != hold.offset:
            raise SkipRefused(f"{name} is held at offset {hold.offset}, not at {offset}")
        if hold.end is None:
            raise SkipRefused(f"{name} is held, and nothing of it can be skipped: {hold.why}")
        self._skipped[partition] = hold
        del self._held[partition]
        return f"{name}: {hold.span} skipped, letters `skipped` record it"

    def passed_over(self, partition: Partition, position: int, room: int) -> list[Unreadable]:
        """The next skipped records, from this position on; none once all of them have been returned."""
        hold = self._skipped.get(partition)
        if hold is None or hold.end is None:
            return []
        if position >= hold.end:
            del self._skipped[partition]
            return []
        begin = max(position, hold.offset)
        last = min(hold.end, begin + room) if _one_by_one(hold) else begin + 1
        detail = f"skipped by an operator, {hold.span}: {hold.why}"
        return [Unreadable(*partition, each, detail, skipped=True) for each in range(begin, last)]

    def position_after(self, partition: Partition, given: int) -> int:
        """Where to go on after the offset that was returned last."""
        hold = self._skipped[partition]
        return given + 1 if _one_by_one(hold) or hold.end is None else hold.end


def _one_by_one(hold: Hold) -> bool:
    return hold.records and (hold.end or 0) - hold.offset <= MOST_LETTERS
