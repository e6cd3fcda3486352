"""An operator's skip, on a real broker: past what is stuck, and never past more."""

from __future__ import annotations

import pytest

from consumer.errors import SkipRefused
from consumer.kafka import holds
from consumer.model import Partition, Unreadable
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import Member, config, joined, offsets
from tests.kafka.raw import batch

pytestmark = NEEDS_BROKER


async def stuck(member: Member, partition: Partition) -> str:
    """What it says once it stands still."""
    for _ in range(100):
        if partition in member.source.stuck:
            break
        await member.poll_for(0.1)
    return member.source.stuck[partition]


def spoil(broker: Broker, topic: str, old: bytes, new: bytes) -> None:
    log = broker.data_dir / "log" / f"{topic}-0" / "00000000000000000000.log"
    assert old in log.read_bytes()
    log.write_bytes(log.read_bytes().replace(old, new))


async def test_a_corrupt_batch_is_passed_over_offset_by_offset(fragile: Broker) -> None:
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, b"before")
    await cluster.produce_raw(
        topic, batch((b"k", b"SPOILT", ()), (b"k", b"2", ()), (b"k", b"3", ()))
    )
    await cluster.produce(topic, b"behind")
    spoil(fragile, topic, b"SPOILT", b"spoilt")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        taken = await member.take(1)
        why = await stuck(member, partition)
        for stale in (0, 2, 4):
            with pytest.raises(SkipRefused, match="is held at offset 1"):
                await member.source.skip(partition, stale)
        said = await member.source.skip(partition, 1)
        taken += await member.take(4)
        position = member.source.position(partition)

        assert "offsets 1 to 3 has a wrong checksum" in why
        assert said == f"{topic}/0: offsets 1 to 3 skipped, letters `skipped` record it"
        assert offsets(taken, 0) == [0, 1, 2, 3, 4]
        skipped = [each for each in taken if isinstance(each, Unreadable)]
        assert [(each.offset, each.skipped, each.value) for each in skipped] == [
            (1, True, None),
            (2, True, None),
            (3, True, None),
        ]
        assert [taken[0].value, taken[-1].value] == [b"before", b"behind"]
        assert member.source.stuck == {}
        assert position == 5


async def test_the_last_batch_of_the_log_can_be_skipped_and_what_comes_later_is_read(
    fragile: Broker,
) -> None:
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, b"SPOILT" * 10)
    spoil(fragile, topic, b"SPOILT", b"spoilt")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        await stuck(member, partition)
        await member.source.skip(partition, 0)
        (skipped,) = await member.take(1)
        await cluster.produce(topic, b"later")
        (later,) = await member.take(1)

    assert (skipped.offset, skipped.value) == (0, None)
    assert (later.offset, later.value) == (1, b"later")


async def test_a_corrupt_batch_that_ends_a_segment_of_the_log_can_be_skipped(
    fragile: Broker,
) -> None:
    """A fetch goes no further than its segment: the batch behind does not come with it."""
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()
    old = batch(
        (b"k", b"SPOILT", ()), (b"k", b"2", ())
    )  # of 1970: the next record begins a segment
    await cluster.produce_raw(topic, old)
    await cluster.produce(topic, b"behind")
    spoil(fragile, topic, b"SPOILT", b"spoilt")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        await stuck(member, Partition(topic, 0))
        await member.source.skip(Partition(topic, 0), 0)
        taken = await member.take(3)

    assert offsets(taken, 0) == [0, 1, 2]
    assert taken[2].value == b"behind"


async def test_records_deleted_unread_are_counted_and_one_letter_names_them(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    kafka = config(cluster.bootstrap_servers)
    await cluster.produce(topic, *[b"v"] * 5)
    await cluster.commit_alone(kafka.group_id, {(topic, 0): 1})
    await cluster.delete_records_before(topic, 4)
    monkeypatch.setattr(holds, "LOOK_AGAIN_AFTER", 0.0)

    async with joined(kafka, topic) as member:
        why = await stuck(member, partition)
        await member.source.skip(partition, 1)
        skipped, read = await member.take(2)

    assert "3 records were deleted unread" in why
    assert isinstance(skipped, Unreadable)
    assert (skipped.offset, skipped.skipped) == (1, True)
    assert "offsets 1 to 3" in skipped.detail
    assert (read.offset, read.value) == (4, b"v")


async def test_beyond_the_end_of_the_log_there_is_nothing_to_be_skipped(cluster: Cluster) -> None:
    """Where to go on is a decision: at the beginning records would be repeated, at the end left out."""
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    kafka = config(cluster.bootstrap_servers)
    await cluster.produce(topic, b"0", b"1")
    await cluster.commit_alone(kafka.group_id, {(topic, 0): 7})

    async with joined(kafka, topic) as member:
        why = await stuck(member, partition)
        with pytest.raises(SkipRefused, match="stop the group, and set its offset"):
            await member.source.skip(partition, 7)
        taken = await member.poll_for(0.3)

    assert "offset 7 is out of range, the log goes from 0 to 2" in why
    assert taken == []
