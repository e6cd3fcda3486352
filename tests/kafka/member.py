"""A member of the group as the core would drive it, and a listener that keeps what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from consumer.kafka.client import KafkaConfig
from consumer.kafka.source import KafkaSource
from consumer.model import Partition, Record, Unreadable
from consumer.store import Committed, Session
from tests.broker import unique


class BootClock:
    def now(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Told:
    """A listener: gives everything up at once unless `drain` says otherwise."""

    sessions: list[tuple[Session, dict[Partition, Committed]]] = field(default_factory=list)
    revocations: list[list[Partition]] = field(default_factory=list)
    losses: list[list[Partition]] = field(default_factory=list)
    drain: Callable[[Collection[Partition]], Awaitable[bool]] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def assigned(self, session: Session, committed: Mapping[Partition, Committed]) -> None:
        self.sessions.append((session, dict(committed)))
        self.changed.set()

    async def revoked(self, partitions: Collection[Partition]) -> bool:
        self.revocations.append(list(partitions))
        self.changed.set()
        return True if self.drain is None else await self.drain(partitions)

    def lost(self, partitions: Collection[Partition]) -> None:
        self.losses.append(list(partitions))
        self.changed.set()

    @property
    def session(self) -> Session:
        return self.sessions[-1][0]

    @property
    def committed(self) -> dict[Partition, Committed]:
        return self.sessions[-1][1]

    @property
    def stored(self) -> dict[Partition, Committed]:
        """What was in the store, whichever topic it is about."""
        return {each: replace(found, topic_id=None) for each, found in self.committed.items()}

    async def until(self, said: Callable[[], bool], within: float = 20.0) -> None:
        async with asyncio.timeout(within):
            while not said():
                self.changed.clear()
                await self.changed.wait()


def config(bootstrap_servers: str, **changes: Any) -> KafkaConfig:
    settings: dict[str, Any] = {
        "bootstrap_servers": (bootstrap_servers,),
        "group_id": unique("group"),
        "session_timeout": 6.0,
        "rebalance_timeout": 20.0,
    }
    return KafkaConfig(**(settings | changes))


@dataclass
class Member:
    source: KafkaSource
    told: Told
    config: KafkaConfig

    async def take(
        self, count: int, *, max_records: int = 500, within: float = 20.0
    ) -> list[Record | Unreadable]:
        """Poll until there are `count` records; more may come."""
        taken: list[Record | Unreadable] = []
        async with asyncio.timeout(within):
            while len(taken) < count:
                taken += await self.source.poll(list(self.told.committed), max_records, 0.2)
        return taken

    async def poll_for(self, seconds: float) -> list[Record | Unreadable]:
        taken: list[Record | Unreadable] = []
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until:
            taken += await self.source.poll(list(self.told.committed), 500, 0.05)
        return taken


@contextlib.asynccontextmanager
async def joined(
    kafka: KafkaConfig, *topics: str, told: Told | None = None
) -> AsyncIterator[Member]:
    """A member that has its first session; it leaves at the end, unless it is closed before."""
    told = told or Told()
    source = KafkaSource(kafka, topics, BootClock())
    try:
        await source.join(told)
        yield Member(source, told, kafka)
    finally:
        await source.close(leave=True)


@contextlib.asynccontextmanager
async def polling(*members: Member) -> AsyncIterator[None]:
    """Keep polling for nothing, as the core does while it drains or waits."""

    async def poll(member: Member) -> None:
        while not ended.is_set():
            await member.source.poll([], 0, 0.02)

    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for member in members:
            tasks.create_task(poll(member))
        try:
            yield
        finally:
            ended.set()


def offsets(taken: Iterable[Record | Unreadable], partition: int) -> list[int]:
    return [each.offset for each in taken if each.partition == partition]
