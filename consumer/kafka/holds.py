"""Partitions that stand still: why, at which offset, and how far an operator may have it passed over."""

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
"""Letters that one skip leaves at most, one for each offset; beyond, one names the range."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a partition is not read on."""

    offset: int
    """The first that is not read."""
    why: str
    end: int | None = None
    """The offset after what is stuck; None: it is not known, or nothing is there to be passed over."""
    records: bool = True
    """False: there are no records there any more."""
    lasting: bool = False
    """It ends when whoever began it says so, and not because a read succeeds."""

    @property
    def span(self) -> str:
        last = (self.end or self.offset + 1) - 1
        return f"offset {last}" if last == self.offset else f"offsets {self.offset} to {last}"


class Holds:
    """What stands still and what is passed over, by partition. A hold is looked at again from time to time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[Partition, Hold] = {}
        self._look_again_at: dict[Partition, float] = {}
        self._skipped: dict[Partition, Hold] = {}

    @property
    def reasons(self) -> Mapping[Partition, str]:
        return {partition: hold.why for partition, hold in self._held.items()}

    def hold(self, partition: Partition, hold: Hold) -> None:
        """It is said once, when it begins."""
        held = self._held.get(partition)
        if held is not None and held.lasting and not hold.lasting:
            return
        # Of another hold the words change with the log's end: those are not told again.
        if held is None or (hold.lasting and held.why != hold.why):
            log.error(
                "partition held",
                extra=fields(topic=partition.topic, partition=partition.partition, why=hold.why),
            )
        self._held[partition] = hold
        self._look_again_at[partition] = self._clock.now() + LOOK_AGAIN_AFTER

    def release(self, partition: Partition, *, lasting: bool = False) -> None:
        """It is read on; a lasting hold ends by `lasting` alone."""
        held = self._held.get(partition)
        if held is not None and held.lasting is lasting:
            del self._held[partition]

    def clear(self) -> None:
        """Nothing is assigned any more."""
        self._held.clear()
        self._skipped.clear()

    def rests(self, partition: Partition) -> bool:
        """True: it is not yet time to look at it again."""
        held = self._held.get(partition)
        if held is None or held.lasting:
            return held is not None  # what began meanwhile is stronger than an earlier skip
        return partition not in self._skipped and self._look_again_at[partition] > self._clock.now()

    def skip(self, partition: Partition, offset: int) -> str:
        """Have passed over what stands at this offset; says what that is.

        Raises:
            SkipRefused: it is not what stands there, or where it ends is not known.
        """
        name, hold = f"{partition.topic}/{partition.partition}", self._held.get(partition)
        if hold is None:
            raise SkipRefused(f"{name} does not stand still")
        if offset != hold.offset:
            raise SkipRefused(f"{name} stands still at offset {hold.offset}, not at {offset}")
        if hold.end is None:
            raise SkipRefused(f"{name} stands still, and nothing of it can be skipped: {hold.why}")
        self._skipped[partition] = hold
        del self._held[partition]
        return f"{name}: {hold.span} passed over, letters `skipped` say so"

    def passed_over(self, partition: Partition, position: int, room: int) -> list[Unreadable]:
        """The next of what is to be passed over, from this position on; none when all of it was given."""
        hold = self._skipped.get(partition)
        if hold is None or hold.end is None:
            return []
        if position >= hold.end:
            del self._skipped[partition]
            return []
        begin = max(position, hold.offset)
        last = min(hold.end, begin + room) if _one_by_one(hold) else begin + 1
        detail = f"passed over by an operator, {hold.span}: {hold.why}"
        return [Unreadable(*partition, each, detail, skipped=True) for each in range(begin, last)]

    def position_after(self, partition: Partition, given: int) -> int:
        """Where to go on after the offset that was given last."""
        hold = self._skipped[partition]
        return given + 1 if _one_by_one(hold) or hold.end is None else hold.end


def _one_by_one(hold: Hold) -> bool:
    return hold.records and (hold.end or 0) - hold.offset <= MOST_LETTERS
