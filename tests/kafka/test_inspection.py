"""What `doctor` asks of a real broker: right answers, and nothing left behind."""

from __future__ import annotations

import pytest

from consumer.errors import StartRefused
from consumer.kafka.inspection import inspecting
from tests.broker import NEEDS_BROKER, Cluster, unique
from tests.kafka.member import config

pytestmark = NEEDS_BROKER


async def test_what_is_there_is_readable_and_writable_and_nothing_is_written(
    cluster: Cluster,
) -> None:
    topic, letters = await cluster.create_topic(), await cluster.create_topic()
    before = await cluster.topics()
    kafka = config(cluster.bootstrap_servers)

    async with inspecting(kafka) as inspector:
        brokers = inspector.brokers
        await inspector.refuse_unreadable(topic)
        await inspector.refuse_unwritable(letters)
        await inspector.refuse_unreadable_group(kafka.group_id)

    assert brokers == 1
    assert await cluster.read_all(letters) == []
    assert await cluster.topics() == before


async def test_a_missing_topic_is_refused_and_not_made(cluster: Cluster) -> None:
    missing = unique("missing")

    async with inspecting(config(cluster.bootstrap_servers)) as inspector:
        with pytest.raises(StartRefused, match=f"{missing}.*does not exist"):
            await inspector.refuse_unreadable(missing)
        with pytest.raises(StartRefused, match=f"{missing}.*does not exist"):
            await inspector.refuse_unwritable(missing)

    assert missing not in await cluster.topics()


async def test_no_broker_is_refused_by_its_address() -> None:
    with pytest.raises(StartRefused, match=r"127\.0\.0\.1:1"):
        async with inspecting(config("127.0.0.1:1")):
            pass
