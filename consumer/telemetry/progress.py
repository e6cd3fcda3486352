"""How far each assigned partition has got, and how old its unsettled records are."""

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
"""Seconds between two questions to the brokers where the partitions end."""
_LOOK_EVERY: Final = 0.5
_log = logging.getLogger(__name__)


class Ends(Protocol):
    """The source, as far as it knows how much there is to read."""

    @property
    def stuck(self) -> Mapping[Partition, str]: ...
    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Raises:
        Unavailable: the brokers did not say.
        """
        ...


async def told_ends(
    source: Ends, partitions: Collection[Partition]
) -> tuple[Mapping[Partition, int], str]:
    """The end offsets that the brokers give, and why they do not give all of them.

    If one partition has no leader, none is given for all those asked for together: then each is asked for alone.
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
    """Where one assigned partition stands now."""

    partition: Partition
    position: int
    """The next offset to be taken in."""
    watermark: int
    """Everything before it is settled."""
    unsettled: int
    """Records taken in that are not settled."""
    end: int | None
    """Its end offset a few seconds ago; None: not known yet."""
    oldest_seconds: float
    """Age of its oldest unsettled record; 0 if all are settled."""
    stuck: str | None
    """Why it stands still and somebody has to act; None: it does not."""

    @property
    def lag(self) -> int | None:
        """How many offsets are not settled, whether taken in or not; None: not known yet.

        Offsets that are done above the watermark do not count.
        """
        if self.end is None:
            return None
        return self.unsettled + max(0, self.end - self.position)


class Progress:
    """Looks at the core from outside; nothing is kept per record.

    End offsets are asked for. Fetches report them too, but while the gate is closed nothing is fetched, and that is
    when the lag matters.
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
        # Partitions of which nothing is in memory although there is something to read: from which offset on, and
        # since when. For a held one that stands in for the age of its records, which are not read.
        self._behind: dict[Partition, tuple[int, float]] = {}

    async def follow(self) -> None:
        """Keep the end offsets up to date. Ends only by cancellation."""
        while True:
            if self._due():
                await self._ask(self._workload.partitions)
            await asyncio.sleep(_LOOK_EVERY)

    def _due(self) -> bool:
        """True at intervals, and at once for a new partition, unless the brokers do not answer anyway."""
        partitions = self._workload.partitions
        if not partitions or self._now() - self._asked_at >= ASK_EVERY:
            return bool(partitions)
        return not self._unanswered and any(each not in self._ends for each in partitions)

    async def _ask(self, partitions: list[Partition]) -> None:
        told, cause = await told_ends(self._source, partitions)
        if cause and not self._unanswered:
            say(_log, logging.WARNING, "end offsets are not known", cause=cause)
        self._unanswered = bool(cause)
        # An earlier end is a lower bound until we have read past it; then no end is known.
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
