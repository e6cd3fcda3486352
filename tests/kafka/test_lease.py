"""What renews the certainty of the membership, and what does not: on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from consumer.model import Partition
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import BootClock, Told, config, joined, polling

pytestmark = NEEDS_BROKER


async def test_a_rebalance_does_not_renew_the_lease(cluster: Cluster) -> None:
    """The library takes REBALANCE_IN_PROGRESS for a good heartbeat; another may be the owner by then."""
    topic = await cluster.create_topic(partitions=2)
    kafka = config(cluster.bootstrap_servers, session_timeout=10.0)  # a heartbeat each second
    told = Told()
    leases: list[float] = []

    async def drain(_: Collection[Partition]) -> bool:
        for _step in range(25):
            leases.append(first.source.lease())
            await asyncio.sleep(0.1)
        return True

    told.drain = drain
    async with joined(kafka, topic, told=told) as first, polling(first):
        await asyncio.sleep(1.3)
        before = first.source.lease()
        async with joined(kafka, topic) as second, polling(second):
            await told.until(lambda: len(told.sessions) == 2)
            after = first.source.lease()

    assert len(set(leases)) == 1
    assert leases[0] >= before
    assert after > leases[0]


async def test_heartbeats_renew_the_lease(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, session_timeout=5.0)

    async with joined(kafka, topic) as member, polling(member):
        at_once = member.source.lease()
        await asyncio.sleep(1.5)
        later = member.source.lease()

        assert at_once > BootClock().now()
        assert at_once < later <= BootClock().now() + 5.0
    assert member.source.lease() < 0
