"""Where a group begins, and what refuses a start: on a real broker."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from consumer.errors import StartRefused
from consumer.model import Partition
from consumer.store import Committed
from tests.broker import NEEDS_BROKER, Cluster, unique
from tests.kafka.member import config, joined, polling

pytestmark = NEEDS_BROKER


async def test_a_missing_topic_is_named_and_not_made(cluster: Cluster) -> None:
    there, missing = await cluster.create_topic(), unique("missing")

    with pytest.raises(StartRefused, match=rf"topic '{missing}' does not exist.*create it"):
        async with joined(config(cluster.bootstrap_servers), there, missing):
            pass

    assert missing not in await cluster.topics()


async def test_a_topic_that_is_deleted_while_we_run_is_not_made_anew(cluster: Cluster) -> None:
    """The library's metadata requests would have the broker create it, empty and with its own defaults."""
    topic, other = await cluster.create_topic(), await cluster.create_topic()

    async with joined(config(cluster.bootstrap_servers), topic, other) as member, polling(member):
        await cluster.delete_topic(topic)
        client = member.source._joined.consumer._client  # type: ignore[union-attr]  # joined
        for _ in range(3):
            await client.force_metadata_update()

        assert topic not in await cluster.topics()


async def test_a_topic_that_is_deleted_while_we_run_is_named(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Its partitions are nobody's then, so that nothing else says why it is not consumed."""
    topic, other = await cluster.create_topic(), await cluster.create_topic()

    async with joined(config(cluster.bootstrap_servers), topic, other) as member, polling(member):
        await cluster.delete_topic(topic)
        client = member.source._joined.consumer._client  # type: ignore[union-attr]  # joined
        await client.force_metadata_update()
        await member.told.until(lambda: set(member.told.committed) == {Partition(other, 0)})

        gone = [each for each in caplog.records if each.getMessage() == "topic gone"]
        assert [vars(each)["fields"]["topic"] for each in gone] == [topic]


async def test_no_broker_is_named() -> None:
    with pytest.raises(
        StartRefused, match=r"no Kafka broker answers at 127\.0\.0\.1:1.*bootstrap_servers"
    ):
        async with joined(config("127.0.0.1:1"), "topic"):
            pass


async def test_a_group_that_other_programs_have_is_named_as_such(cluster: Cluster) -> None:
    """Its rights are not at fault, and no grant would mend it."""
    topic = await cluster.create_topic()
    told = config(cluster.bootstrap_servers)
    other = AIOKafkaConsumer(
        topic,
        bootstrap_servers=cluster.bootstrap_servers,
        group_id=told.group_id,
        partition_assignment_strategy=(RangePartitionAssignor,),
    )
    await other.start()
    try:
        with pytest.raises(
            StartRefused, match=rf"'{told.group_id}' .*a group of its own"
        ) as refused:
            async with joined(told, topic):
                pass
    finally:
        await other.stop()

    assert "READ" not in str(refused.value)


async def test_another_version_of_the_library_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A patch that does not take hold any more would lose records in silence."""

    async def heartbeat_by_another_way(_: GroupCoordinator) -> bool:
        return True

    topic = await cluster.create_topic()
    monkeypatch.setattr(
        "consumer.kafka.library.self_test.CALLERS", ((heartbeat_by_another_way, "_send_req"),)
    )

    with pytest.raises(StartRefused, match="heartbeat_by_another_way no longer uses _send_req"):
        async with joined(config(cluster.bootstrap_servers), topic):
            pass


async def test_a_private_name_that_is_gone_is_refused(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await cluster.create_topic()
    monkeypatch.delattr(GroupCoordinator, "fetch_committed_offsets")

    with pytest.raises(StartRefused, match=r"_coordinator\.fetch_committed_offsets"):
        async with joined(config(cluster.bootstrap_servers), topic):
            pass


async def test_a_group_that_never_committed_begins_where_the_setting_says(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic()
    await cluster.produce(topic, b"1", b"2", b"3")

    for initial, offset in (("earliest", 0), ("latest", 3)):
        kafka = config(cluster.bootstrap_servers, initial_offset=initial)
        async with joined(kafka, topic) as member:
            found = member.told.committed[Partition(topic, 0)]

        assert (found.offset, found.known) == (offset, False)


async def test_latest_is_written_down_before_anything_is_read(cluster: Cluster) -> None:
    """A crash before the first commit would find a later end, and skip what came in between."""
    topic = await cluster.create_topic()
    await cluster.produce(topic, b"1")
    kafka = config(cluster.bootstrap_servers, initial_offset="latest")

    async with joined(kafka, topic) as member:
        await member.source.close(leave=True)
    await cluster.produce(topic, b"2")
    async with joined(kafka, topic) as member:
        (record,) = await member.take(1)

    assert record.value == b"2"


async def test_a_partition_added_later_begins_at_the_earliest(cluster: Cluster) -> None:
    topic = await cluster.create_topic(partitions=2)
    await cluster.produce(topic, b"unread", partition=1)
    kafka = config(cluster.bootstrap_servers, initial_offset="latest")
    await cluster.commit_alone(kafka.group_id, {(topic, 0): 0})

    async with joined(kafka, topic) as member:
        assert member.told.stored == {
            Partition(topic, 0): Committed(0),
            Partition(topic, 1): Committed(0, known=False),
        }
