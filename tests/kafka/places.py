"""Two places to be a member of a group in: a broker in memory, and a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from aiokafka.protocol.group import LeaveGroupRequest

from consumer.kafka.client import KafkaConfig
from consumer.kafka.source import KafkaSource
from consumer.model import Partition
from consumer.ports import Clock, Source
from consumer.state.offset_codec import encode
from consumer.store import Commit, CommitResult
from deploy.local.kafka import Broker
from tests.broker import Cluster
from tests.fakes.clock import VirtualClock
from tests.fakes.source import COMMIT_TIMEOUT, RESULTS
from tests.flow.world import World
from tests.kafka.member import BootClock, Told

NOTHING = encode(0, 0, drained=False)


@dataclass
class Member:
    """A source that has its first session, and what it was told."""

    source: Source
    told: Told = field(default_factory=Told)

    async def commit(
        self, partition: Partition, offset: int, metadata: str = NOTHING, *, session: int = -1
    ) -> CommitResult:
        """In the name of the present session, unless the story names an earlier one."""
        named = self.told.sessions[session][0]
        return (await self.source.commit(named, {partition: Commit(offset, metadata)}))[partition]

    async def take(self, count: int, *wanted: Partition) -> list[tuple[Partition, int]]:
        """Where the records stand that it is given, until there are so many."""
        taken: list[tuple[Partition, int]] = []
        async with asyncio.timeout(20):
            while len(taken) < count:
                got = await self.source.poll(wanted, 500, 0.2)
                taken += [(Partition(each.topic, each.partition), each.offset) for each in got]
        return taken


class Place(Protocol):
    """A broker with two partitions and a group."""

    clock: Clock

    @property
    def partitions(self) -> list[Partition]: ...

    async def publish(self, partition: Partition, count: int) -> None:
        """Records that may be called done at once."""

    def member(self) -> AbstractAsyncContextManager[Member]:
        """It leaves at the end."""

    async def store(
        self, member: Member, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        """What the broker makes of these, be they such as the core would never send."""

    async def evict(self, member: Member) -> None:
        """An administrator throws it out."""

    def stands_still(self) -> AbstractAsyncContextManager[None]:
        """The broker, for longer than a commit may take."""

    async def stored(self, partition: Partition) -> int:
        """The offset that the group has committed; -1: none."""


@dataclass
class Pretended:
    world: World
    clock: Clock = field(default_factory=VirtualClock)

    @property
    def partitions(self) -> list[Partition]:
        return self.world.log.partitions

    async def publish(self, partition: Partition, count: int) -> None:
        for _ in range(count):
            (record,) = self.world.produce(partition=partition.partition)
            self.world.truth.settle(record, "ignored")

    @asynccontextmanager
    async def member(self) -> AsyncIterator[Member]:
        source = self.world._process(f"m{self.world.rng.random()}").source
        async with _joined(source) as member:
            yield member

    async def store(
        self, member: Member, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        answers = self.world.group.commit(member.told.session, commits)
        return {partition: RESULTS[code] for partition, code in answers.items()}

    async def evict(self, member: Member) -> None:
        self.world.group.evict(member.told.session.member)

    @asynccontextmanager
    async def stands_still(self) -> AsyncIterator[None]:
        self.world.silence(COMMIT_TIMEOUT + 5)
        yield
        await asyncio.sleep(5)

    async def stored(self, partition: Partition) -> int:
        found = self.world.group.store.get(partition)
        return -1 if found is None else found.offset


@dataclass
class Real:
    broker: Broker
    cluster: Cluster
    kafka: KafkaConfig
    topic: str
    clock: Clock = field(default_factory=BootClock)

    @property
    def partitions(self) -> list[Partition]:
        return [Partition(self.topic, 0), Partition(self.topic, 1)]

    async def publish(self, partition: Partition, count: int) -> None:
        await self.cluster.produce(self.topic, *[b"v"] * count, partition=partition.partition)

    @asynccontextmanager
    async def member(self) -> AsyncIterator[Member]:
        async with _joined(KafkaSource(self.kafka, [self.topic], self.clock)) as member:
            yield member

    async def store(
        self, member: Member, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        return await member.source.commit(member.told.session, commits)

    async def evict(self, member: Member) -> None:
        assert isinstance(member.source, KafkaSource)
        coordinator = member.source._must_be_joined().coordinator
        leave = LeaveGroupRequest(self.kafka.group_id, member.told.session.member)
        await coordinator._send_req(leave)

    @asynccontextmanager
    async def stands_still(self) -> AsyncIterator[None]:
        self.broker.suspend()
        try:
            yield
        finally:
            self.broker.resume()

    async def stored(self, partition: Partition) -> int:
        offset, _ = await self.cluster.committed(self.kafka.group_id, *partition)
        return offset


@asynccontextmanager
async def _joined(source: Source) -> AsyncIterator[Member]:
    member = Member(source)
    await source.join(member.told)
    try:
        async with polling(member):
            await member.told.until(lambda: bool(member.told.sessions))
        yield member
    finally:
        await source.close(leave=True)


@asynccontextmanager
async def polling(*members: Member) -> AsyncIterator[None]:
    """As the core does while it waits: a source that nobody polls takes part in no rebalance."""
    over = asyncio.Event()

    async def poll(member: Member) -> None:
        while not over.is_set():
            await member.source.poll([], 0, 0.02)

    async with asyncio.TaskGroup() as tasks:
        for member in members:
            tasks.create_task(poll(member))
        try:
            yield
        finally:
            over.set()
