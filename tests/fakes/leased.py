"""A source of which only the lease and its polls matter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from consumer.errors import SkipRefused
from consumer.model import Partition, Record, Unreadable
from consumer.ports import Listener
from consumer.store import Commit, CommitResult, Session


class LeasedSource:
    """Implements the core's `Source`; the test says until when it is a member."""

    def __init__(self) -> None:
        self.until = 0.0
        self.closed: list[bool] = []

    def lease(self) -> float:
        return self.until

    async def join(self, listener: Listener) -> None:
        await listener.assigned(Session("m", 1), {})

    async def poll(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        return ()

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        return dict.fromkeys(commits, CommitResult.STORED)

    async def rejoin(self) -> None:
        self.until = 0.0

    async def skip(self, partition: Partition, offset: int) -> str:
        raise SkipRefused(f"nothing is stuck at {partition} {offset}")

    async def close(self, *, leave: bool) -> None:
        self.closed.append(leave)

    @property
    def stuck(self) -> Mapping[Partition, str]:
        return {}

    def position(self, partition: Partition) -> int:
        return 0

    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 0)
