"""Who is asked for records, and when: on a real broker."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from consumer.model import Partition, Record, Unreadable
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import Member, config, joined, offsets

pytestmark = NEEDS_BROKER

Taken = Sequence[Record | Unreadable]


async def take_from(
    member: Member, partition: Partition, count: int, max_records: int = 500
) -> Taken:
    taken: list[Record | Unreadable] = []
    async with asyncio.timeout(20):
        while len(taken) < count:
            taken += await member.source.poll([partition], max_records, 0.2)
    return taken


async def test_each_partition_has_its_turn(cluster: Cluster) -> None:
    topic = await cluster.create_topic(partitions=4)
    for partition in range(4):
        await cluster.produce(topic, *[b"v"] * 50, partition=partition)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        await member.take(1, max_records=1)
        await asyncio.sleep(0.5)  # all four are in the library's buffer
        polls = [await member.source.poll(list(member.told.committed), 5, 1.0) for _ in range(8)]

    first = Counter(poll[0].partition for poll in polls)
    assert first == {0: 2, 1: 2, 2: 2, 3: 2}


async def test_what_is_not_wanted_waits_and_then_comes_without_a_hole(cluster: Cluster) -> None:
    topic = await cluster.create_topic(partitions=2)
    await cluster.produce(topic, *[b"v"] * 20, partition=0)
    await cluster.produce(topic, *[b"v"] * 20, partition=1)
    left, right = Partition(topic, 0), Partition(topic, 1)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        only_left = await take_from(member, left, 20, max_records=7)
        nothing = await member.source.poll([], 500, 0.1)
        no_room = await member.source.poll([left, right], 0, 0.1)
        only_right = await take_from(member, right, 20)

    assert (offsets(only_left, 0), offsets(only_left, 1)) == (list(range(20)), [])
    assert (list(nothing), list(no_room)) == ([], [])
    assert (offsets(only_right, 0), offsets(only_right, 1)) == ([], list(range(20)))


async def test_a_poll_that_is_cancelled_loses_nothing(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    await cluster.produce(topic, *[b"v"] * 30)
    taken: list[Record | Unreadable] = []

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        wanted = [Partition(topic, 0)]
        async with asyncio.timeout(20):
            while len(taken) < 30:
                poll = asyncio.create_task(member.source.poll(wanted, 3, 0.2))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                poll.cancel()
                await asyncio.wait({poll})
                taken += await member.source.poll(wanted, 3, 0.2)

    assert offsets(taken, 0) == list(range(30))
