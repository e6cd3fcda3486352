"""A member that an administrator removes: told so at once, even while it waits for the others."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.group import LeaveGroupRequest

from consumer.kafka.source import KafkaSource
from consumer.model import Partition
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import BootClock, Member, Told, config, joined, polling

pytestmark = NEEDS_BROKER

TOLD_WITHIN = 12.0


async def test_a_member_removed_while_it_waits_to_join_is_told_and_joins_anew(
    cluster: Cluster,
) -> None:
    """The simulated group answers such a join as well (`tests/fakes/test_fake_kafka.py`)."""
    topic = await cluster.create_topic(partitions=2)
    kafka = config(cluster.bootstrap_servers)
    told, removed = Told(), asyncio.Event()

    async def drain(_: Collection[Partition]) -> bool:
        await removed.wait()
        return True

    told.drain = drain
    second = Member(KafkaSource(kafka, [topic], BootClock()), Told(), kafka)
    async with joined(kafka, topic, told=told) as first, polling(first):
        joining = asyncio.create_task(second.source.join(second.told))
        await told.until(lambda: bool(told.revocations))
        waits = await _member_id(second)
        await _remove(cluster, kafka.group_id, waits)
        removed.set()
        # Far below the request's own timeout: it was told, and did not give up.
        async with asyncio.timeout(TOLD_WITHIN):
            await joining
        async with polling(second):
            await told.until(lambda: len(told.committed) == 1)

            assert len(second.told.committed) == 1
            assert second.told.session.member != waits
        await second.source.close(leave=True)


async def _member_id(member: Member) -> str:
    """As the coordinator named it, before its first session."""
    coordinator: Any = member.source._consumer._coordinator  # type: ignore[union-attr]  # it is joining
    async with asyncio.timeout(20):
        while not coordinator.member_id:
            await asyncio.sleep(0.02)
    return str(coordinator.member_id)


async def _remove(cluster: Cluster, group: str, member: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
    await admin.start()
    try:
        node = await admin.find_coordinator(group)
        answer: Any = await admin._send_request(LeaveGroupRequest(group, member), node)
        assert answer.error_code == 0, f"not removed: {answer}"
    finally:
        await admin.close()
