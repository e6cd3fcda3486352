"""How a member ends: with a farewell or without, in a rebalance, with a dead broker; on a real one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from consumer.kafka import source as source_module
from consumer.kafka.client import KafkaConfig
from consumer.model import Partition
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import BootClock, Member, Told, config, joined

pytestmark = NEEDS_BROKER

SHORT = 1.5
"""Seconds of a session that a test waits out."""


async def test_closing_without_leaving_says_nothing_to_the_group(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, session_timeout=SHORT)

    async with joined(kafka, topic) as first:
        closed_at = BootClock().now()
        await first.source.close(leave=False)
        async with joined(kafka, topic) as second:
            taken_over = BootClock().now() - closed_at

            assert second.told.committed.keys() == {Partition(topic, 0)}
    assert taken_over > SHORT / 2


async def test_leaving_hands_over_at_once(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, session_timeout=60.0)

    async with joined(kafka, topic) as first:
        await first.source.close(leave=True)
        async with asyncio.timeout(10), joined(kafka, topic) as second:
            assert second.told.committed.keys() == {Partition(topic, 0)}


async def test_a_poll_that_hangs_in_a_rebalance_ends_with_the_source(cluster: Cluster) -> None:
    topic = await cluster.create_topic(partitions=2)
    kafka = config(cluster.bootstrap_servers, session_timeout=SHORT)
    told = Told()
    never = asyncio.Event()

    async def drain(_: Collection[Partition]) -> bool:
        await never.wait()
        return True

    told.drain = drain
    async with joined(kafka, topic, told=told) as first:
        second = asyncio.create_task(_join_and_leave(kafka, topic))
        hanging = asyncio.create_task(_poll_until_it_hangs(first))
        await told.until(lambda: bool(told.revocations))
        await asyncio.sleep(0.3)
        assert not hanging.done()

        async with asyncio.timeout(15):
            await first.source.close(leave=False)
            await hanging
        await second
    never.set()
    await asyncio.sleep(0)


async def test_a_dead_broker_does_not_hold_up_the_end(
    fragile: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's stop raises CancelledError then, and leaves its sockets open."""
    monkeypatch.setattr(source_module, "LEAVE_TIMEOUT", 2.0)
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        fragile.kill()
        await member.poll_for(0.5)
        async with asyncio.timeout(10):
            await member.source.close(leave=True)

    assert not [task for task in asyncio.all_tasks() if "kafka" in repr(task.get_coro())]


async def _join_and_leave(kafka: KafkaConfig, topic: str) -> None:
    async with joined(kafka, topic):
        pass


async def _poll_until_it_hangs(member: Member) -> None:
    while not member.told.revocations:
        await member.source.poll(list(member.told.committed), 1, 0.05)
    await member.source.poll(list(member.told.committed), 1, 0.05)
