# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)
"""Partitions come while they are read, brokers go and come: nothing is left out, nothing is reset."""

from __future__ import annotations

import asyncio

import pytest

from consumer.model import Partition
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import Member, config, joined, offsets

pytestmark = NEEDS_BROKER


async def through(member: Member, partition: Partition, last: int) -> list[int]:
    """Poll until that offset has come; all offsets of the partition on the way, over sessions."""
    taken: list[int] = []
    async with asyncio.timeout(90):
        while last not in taken:
            taken += offsets(await member.poll_for(0.2), partition.partition)
    return taken


@pytest.mark.parametrize("initial_offset", ["earliest", "latest"])
async def test_a_partition_added_while_it_reads_is_begun_at_its_first_record(
    cluster: Cluster, initial_offset: str
) -> None:
    """Published before the member knew of the partition."""
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, initial_offset=initial_offset)

    async with joined(kafka, topic) as member:
        consumer = member.source._consumer
        assert consumer is not None
        taken = await member.poll_for(0.2)
        await cluster.add_partitions(topic, 2)
        await cluster.produce(topic, b"0", b"1", b"2", partition=1)
        async with asyncio.timeout(60):
            while Partition(topic, 1) not in member.told.committed:
                consumer._client.force_metadata_update()  # each minute, by itself
                taken += await member.poll_for(0.2)
        taken += await member.take(3 - len(taken))

    assert offsets(taken, 1) == [0, 1, 2]


@pytest.mark.slow
async def test_a_broker_that_is_killed_and_restarted_costs_no_record_and_no_place(
    fragile: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, *[b"v"] * 5)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        before = offsets(await member.take(5), 0)
        fragile.kill()
        while_away = await member.poll_for(3.0)
        restart = asyncio.create_task(asyncio.to_thread(fragile.restart))
        async with asyncio.timeout(60):
            while not restart.done():
                while_away += await member.poll_for(0.2)
        await restart
        await cluster.produce(topic, *[b"v"] * 5)
        after = await through(member, partition, 9)

        assert (before, while_away) == ([0, 1, 2, 3, 4], [])
        if len(member.told.sessions) == 1:
            assert after == [5, 6, 7, 8, 9]
        else:  # nothing was committed: the group begins where it began
            assert after[-10:] == list(range(10))
        assert member.source.stuck == {}
    told = [line.getMessage() for line in caplog.records].count("topic ids not read")
    assert 1 <= told <= 3  # as often as it begins, however long it lasts


@pytest.mark.parametrize("seconds", [3.0, pytest.param(30.0, marks=pytest.mark.soak)])
async def test_a_broker_that_hangs_costs_no_record_and_no_place(
    fragile: Broker, seconds: float
) -> None:
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()
    await cluster.produce(topic, *[b"v"] * 5)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        before = offsets(await member.take(5), 0)
        fragile.suspend()
        while_away = await member.poll_for(seconds)
        fragile.resume()
        await cluster.produce(topic, *[b"v"] * 5)
        after = await through(member, Partition(topic, 0), 9)

    assert (before, while_away) == ([0, 1, 2, 3, 4], [])
    assert after[-5:] == [5, 6, 7, 8, 9]
    assert after in ([5, 6, 7, 8, 9], list(range(10)))
