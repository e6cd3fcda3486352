"""The source as the core sees it: its calls are counted, and its lease can be distrusted."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from consumer.model import Partition, Record, Unreadable
from consumer.ports import Clock, Listener, Source
from consumer.store import Commit, CommitResult, Session


class WatchedSource:
    """A `Source` around another one."""

    def __init__(self, source: Source, clock: Clock, *, lease_length: float) -> None:
        """`lease_length`: seconds that a lease lasts after the sending of the heartbeat that renewed it."""
        self._source = source
        self._clock = clock
        self._lease_length = lease_length
        self._trusted_from = -math.inf
        self.polls = 0
        """How many have returned."""
        self.commits = 0
        """How many have been answered or given up."""
        self._asked: set[Partition] = set()

    def distrust(self) -> None:
        """The process stood still: only a heartbeat sent from now on proves the membership again."""
        self._trusted_from = self._clock.now()

    def asked(self) -> Collection[Partition]:
        """Partitions from which records were wanted since the last call of this."""
        asked, self._asked = self._asked, set()
        return asked

    def lease(self) -> float:
        until = self._source.lease()
        return until if until - self._lease_length >= self._trusted_from else -math.inf

    async def poll(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        self._asked.update(wanted)
        records = await self._source.poll(wanted, max_records, wait)
        self.polls += 1
        return records

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        results = await self._source.commit(session, commits)
        self.commits += 1
        return results

    async def skip(self, partition: Partition, offset: int) -> str:
        return await self._source.skip(partition, offset)

    async def join(self, listener: Listener) -> None:
        await self._source.join(listener)

    async def rejoin(self) -> None:
        await self._source.rejoin()

    async def close(self, *, leave: bool) -> None:
        await self._source.close(leave=leave)

    @property
    def stuck(self) -> Mapping[Partition, str]:
        return self._source.stuck

    def position(self, partition: Partition) -> int:
        return self._source.position(partition)

    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return await self._source.end_offsets(partitions)
