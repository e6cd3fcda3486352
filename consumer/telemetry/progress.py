"""How far each assigned partition is, and how old what is not settled there is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from consumer.errors import Unavailable
from consumer.model import Partition
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload
from consumer.telemetry.log import say

ASK_EVERY: Final = 5.0
"""Seconds between two looks at where the partitions end."""
_LOOK_EVERY: Final = 0.5
_log = logging.getLogger(__name__)


class Ends(Protocol):
    """The source, as far as it tells how far there is to go."""

    @property
    def stuck(self) -> Mapping[Partition, str]: ...
    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Raises Unavailable."""
        ...


async def told_ends(
    source: Ends, partitions: Collection[Partition]
) -> tuple[Mapping[Partition, int], str]:
    """The ends that the brokers tell, and why they do not tell all.

    One partition without a leader keeps back those of all that are asked for with it: then each is asked for alone.
    """
    try:
        return await source.end_offsets(partitions), ""
    except Unavailable as fault:
        cause = fault.cause
    if len(partitions) == 1:
        return {}, cause
    each = await asyncio.gather(*(told_ends(source, [partition]) for partition in partitions))
    return {partition: end for told, _ in each for partition, end in told.items()}, cause


@dataclass(frozen=True, slots=True)
class Standing:
    """One assigned partition, now."""

    partition: Partition
    position: int
    """The next offset to be taken in."""
    watermark: int
    """All before it is settled."""
    unsettled: int
    """Records taken in that are not settled."""
    end: int | None
    """Where it ended a few seconds ago; None: not known yet."""
    oldest_seconds: float
    """Age of the oldest record that is not settled; 0 where all is."""
    stuck: str | None
    """Why it stands still, where somebody has to act."""

    @property
    def lag(self) -> int | None:
        """Offsets that are not settled, taken in or not; None: not known yet.

        What is done above the watermark is done: it does not count.
        """
        if self.end is None:
            return None
        return self.unsettled + max(0, self.end - self.position)


class Progress:
    """Looks at the core from outside; nothing is kept for each record.

    The ends are asked for: what fetches tell is as old as the last fetch, and while the gate is closed
    none is made, which is when the lag matters.
    """

    def __init__(
        self,
        workload: Workload,
        source: Ends,
        now: Callable[[], float],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`now` is the clock by which records are taken in."""
        self._workload = workload
        self._source = source
        self._now = now
        self._wall = wall
        self._ends: dict[Partition, int] = {}
        self._asked_at = float("-inf")
        self._unanswered = False
        # Partitions of which nothing is in memory though there is something to read: from which offset
        # on, and when that was seen first. A held one is not read, so its records' times are not known.
        self._behind: dict[Partition, tuple[int, float]] = {}

    async def follow(self) -> None:
        """Keep knowing where the partitions end. Ends only by cancellation."""
        while True:
            if self._due():
                await self._ask(self._workload.partitions)
            await asyncio.sleep(_LOOK_EVERY)

    def _due(self) -> bool:
        """In time, and at once for a partition that is new; not more often where nobody answers."""
        partitions = self._workload.partitions
        if not partitions or self._now() - self._asked_at >= ASK_EVERY:
            return bool(partitions)
        return not self._unanswered and any(each not in self._ends for each in partitions)

    async def _ask(self, partitions: list[Partition]) -> None:
        told, cause = await told_ends(self._source, partitions)
        if cause and not self._unanswered:
            say(_log, logging.WARNING, "end offsets are not known", cause=cause)
        self._unanswered = bool(cause)
        # An end of before is the least that there is, until it is passed: from then on none is known.
        before = {
            tenure.partition: self._ends[tenure.partition]
            for tenure in self._workload.all_tenures
            if self._ends.get(tenure.partition, -1) > tenure.ledger.position
        }
        self._ends = before | dict(told) if cause else dict(told)
        self._see_who_is_behind()
        self._asked_at = self._now()

    def _see_who_is_behind(self) -> None:
        now, before = self._now(), self._behind
        self._behind = {}
        for tenure in self._workload.all_tenures:
            partition, position = tenure.partition, tenure.ledger.position
            if position < self._ends.get(partition, position):
                offset, since = before.get(partition, (position, now))
                self._behind[partition] = (position, since if offset == position else now)

    def standings(self) -> list[Standing]:
        """Each assigned partition, in order."""
        stuck = self._source.stuck
        return [
            Standing(
                tenure.partition,
                tenure.ledger.position,
                tenure.ledger.watermark,
                tenure.ledger.unsettled,
                self._ends.get(tenure.partition),
                self._age(tenure),
                tenure.held
                or tenure.refused
                or stuck.get(tenure.partition)
                or tenure.waits_for_letter
                or tenure.waits_for_read,
            )
            for _, tenure in sorted(self._workload.tenures.items())
        ]

    def _age(self, tenure: Tenure) -> float:
        now, arrival = self._now(), self._workload.oldest(tenure)
        if arrival is not None:
            return arrival.age(self._wall(), now)
        offset, since = self._behind.get(tenure.partition, (-1, now))
        return now - since if offset == tenure.ledger.position else 0.0
