"""What the core relies on in a `Source`, told once and run over the fake one and over Kafka: so they cannot differ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from consumer.kafka.client import KafkaConfig
from consumer.kafka.source import KafkaSource
from consumer.model import Partition
from consumer.ports import Clock, Source
from consumer.state.offset_codec import encode
from consumer.store import Commit, CommitResult
from tests import virtual_time
from tests.broker import Cluster
from tests.fakes.clock import VirtualClock
from tests.flow.world import Options, World
from tests.kafka.member import BootClock, Told, config

NOTHING = encode(0, 0, drained=False)
STORED, LOST = CommitResult.STORED, CommitResult.LOST


@dataclass
class Member:
    """A source that has its first session, and what it was told."""

    source: Source
    told: Told = field(default_factory=Told)

    async def commit(self, partition: Partition, offset: int, *, session: int = -1) -> CommitResult:
        """In the name of the present session, unless the story names an earlier one."""
        named = self.told.sessions[session][0]
        return (await self.source.commit(named, {partition: Commit(offset, NOTHING)}))[partition]

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


@dataclass
class Real:
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


@asynccontextmanager
async def _joined(source: Source) -> AsyncIterator[Member]:
    member = Member(source)
    await source.join(member.told)
    try:
        async with _polling(member):
            await member.told.until(lambda: bool(member.told.sessions))
        yield member
    finally:
        await source.close(leave=True)


@asynccontextmanager
async def _polling(*members: Member) -> AsyncIterator[None]:
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


# The laws -----------------------------------------------------------------------------------------


async def what_is_stored_is_where_the_next_session_begins(place: Place) -> None:
    first, _ = place.partitions
    await place.publish(first, 3)
    async with place.member() as member:
        assert not member.told.committed[first].known
        assert await member.take(3, first) == [(first, 0), (first, 1), (first, 2)]
        assert await member.commit(first, 2) is STORED

    async with place.member() as member:
        found = member.told.committed[first]
        assert (found.offset, found.metadata, found.known) == (2, NOTHING, True)
        assert await member.take(1, first) == [(first, 2)]


async def what_is_not_wanted_waits_and_comes_without_a_hole(place: Place) -> None:
    first, second = place.partitions
    for partition in place.partitions:
        await place.publish(partition, 4)
    async with place.member() as member:
        assert await member.take(4, first) == [(first, offset) for offset in range(4)]
        assert (member.source.position(first), member.source.position(second)) == (4, 0)
        assert await member.take(4, first, second) == [(second, offset) for offset in range(4)]
        assert await member.source.end_offsets([first, second]) == {first: 4, second: 4}


async def what_is_stored_in_a_drain_is_what_the_next_owner_reads(place: Place) -> None:
    first, second = place.partitions
    for partition in place.partitions:
        await place.publish(partition, 3)
    async with place.member() as old:
        await old.take(6, first, second)

        async def drain(_: object) -> bool:
            return {await old.commit(each, 3) for each in (first, second)} == {STORED}

        old.told.drain = drain
        async with _polling(old), place.member() as new:
            await old.told.until(lambda: len(old.told.sessions) > 1)
            shares = [each.told.committed for each in (old, new)]
            assert sorted(partition for share in shares for partition in share) == [first, second]
            assert {found.offset for share in shares for found in share.values()} == {3}
            assert old.told.session.member == old.told.sessions[0][0].member
            (kept,) = old.told.committed
            assert await old.commit(kept, 3, session=0) is LOST
            assert await old.commit(kept, 3) is STORED
            old.told.drain = new.told.drain = None
        assert not old.told.losses


async def who_joins_anew_is_another_member_and_the_old_one_is_refused(place: Place) -> None:
    first, _ = place.partitions
    await place.publish(first, 1)
    async with place.member() as member, _polling(member):
        await member.source.rejoin()
        await member.told.until(lambda: len(member.told.sessions) > 1)

        assert member.told.session.member != member.told.sessions[0][0].member
        assert await member.commit(first, 1, session=0) is LOST
        assert await member.commit(first, 1) is STORED


async def a_membership_is_certain_for_some_seconds_and_goes_on(place: Place) -> None:
    async with place.member() as member, _polling(member):
        await asyncio.sleep(4)
        lease = member.source.lease()
        assert lease > place.clock.now()
        await asyncio.sleep(4)
        assert member.source.lease() > lease


Law = Callable[[Place], Awaitable[None]]
LAWS: list[Law] = [
    what_is_stored_is_where_the_next_session_begins,
    what_is_not_wanted_waits_and_comes_without_a_hole,
    what_is_stored_in_a_drain_is_what_the_next_owner_reads,
    who_joins_anew_is_another_member_and_the_old_one_is_refused,
    a_membership_is_certain_for_some_seconds_and_goes_on,
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("law", LAWS)
def test_the_fake_keeps_it(law: Law, seed: int) -> None:
    async def main() -> None:
        world = World(seed, Options(partitions=2))
        for partition in world.log.partitions:
            world.log.create(partition)
        await law(Pretended(world))

    virtual_time.run(main(), seed=seed)


@pytest.mark.kafka
@pytest.mark.timeout(180)
@pytest.mark.parametrize("law", LAWS)
async def test_kafka_keeps_it(law: Law, cluster: Cluster) -> None:
    topic = await cluster.create_topic(partitions=2)

    await law(Real(cluster, config(cluster.bootstrap_servers), topic))
