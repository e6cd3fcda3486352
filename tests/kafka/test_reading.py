# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)
"""No record is lost or skipped, whatever the client library raises: on a real broker."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import LeaderNotAvailableError, RecordTooLargeError

from consumer.kafka import batches, holds, reading
from consumer.kafka.library import inside
from consumer.model import Partition, Unreadable
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster, unique
from tests.kafka.member import config, joined, offsets
from tests.kafka.raw import batch

pytestmark = NEEDS_BROKER


async def test_records_are_the_librarys_own_and_satisfy_ours(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    await cluster.produce(topic, b"v", None, key=b"k", headers=[("h", b"1"), ("h", None)])

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        first, second = await member.take(2)

    assert not isinstance(first, Unreadable)
    assert (first.key, first.value, tuple(first.headers)) == (
        b"k",
        b"v",
        (("h", b"1"), ("h", None)),
    )
    assert second.value is None


@pytest.mark.parametrize("max_records", [1, 2, 500])
async def test_a_record_that_cannot_be_decoded_costs_no_other_one(
    cluster: Cluster, max_records: int
) -> None:
    """The library would skip the good ones of the other partition, and of its own batch."""
    topic = await cluster.create_topic(partitions=2)
    await cluster.produce(topic, *[b"good"] * 5, partition=0)
    await cluster.produce(topic, b"before", partition=1)
    await cluster.produce_raw(
        topic,
        batch((b"k", b"1", ()), (b"k", b"2", [("BAD--", b"x"), ("ok", None)]), (b"k", b"3", ())),
        partition=1,
    )
    await cluster.produce(topic, b"after", partition=1)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        taken = await member.take(10, max_records=max_records)

    assert offsets(taken, 0) == [0, 1, 2, 3, 4]
    assert offsets(taken, 1) == [0, 1, 2, 3, 4]
    (bad,) = [each for each in taken if isinstance(each, Unreadable)]
    assert (bad.offset, bad.key, bad.value) == (2, b"k", b"2")
    assert bad.headers == (("%FF%FEkey", b"x"), ("ok", None))


async def test_a_bad_record_that_cannot_be_fetched_again_at_once_costs_none_before_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it raised, the library takes what it had decoded before for consumed."""
    topic = await cluster.create_topic()
    await cluster.produce_raw(
        topic, batch((b"k", b"0", ()), (b"k", b"1", ()), (b"k", b"2", [("BAD--", b"x")]))
    )
    fetch_raw, failures = inside.fetch_raw, [LeaderNotAvailableError() for _ in range(3)]

    async def sometimes(*args: Any) -> inside.RawFetch:
        if failures:
            raise failures.pop()
        return await fetch_raw(*args)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        monkeypatch.setattr(inside, "fetch_raw", sometimes)
        taken = await member.take(3)

    assert offsets(taken, 0) == [0, 1, 2]
    assert failures == []


@pytest.mark.parametrize("max_records", [1, 7, 500])
async def test_a_good_batch_too_large_to_read_past_the_library_is_not_held_for_the_fault_behind_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, max_records: int
) -> None:
    """It was called corrupt, and an operator who had it skipped lost its records."""
    monkeypatch.setattr(batches, "MOST_RECORDS", 20)
    topic = await cluster.create_topic()
    await cluster.produce_raw(topic, batch(*[(b"k", b"good", ())] * 30))
    await cluster.produce_raw(topic, batch((b"k", b"v", ()), (b"k", b"v", [("BAD--", b"x")])))
    await cluster.produce(topic, b"after")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        taken = await member.take(33, max_records=max_records)

        assert not member.source.stuck

    assert offsets(taken, 0) == list(range(33))
    assert [each.offset for each in taken if isinstance(each, Unreadable)] == [31]


async def test_of_a_batch_too_large_to_read_past_the_library_all_before_the_fault_is_read(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST_RECORDS", 20)
    topic = await cluster.create_topic()
    good, bad = (b"k", b"v", ()), (b"k", b"v", [("BAD--", b"x")])
    await cluster.produce_raw(topic, batch(*[good] * 25, bad, *[good] * 5))
    partition = Partition(topic, 0)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        taken = await member.take(25)
        async with asyncio.timeout(10):
            while not member.source.stuck:
                taken += await member.poll_for(0.1)

        assert "skip offset 25" in member.source.stuck[partition]

    assert offsets(taken, 0) == list(range(25))


async def test_what_the_library_skips_while_it_raises_is_read_all_the_same(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It moves its position past a record that is larger than a fetch, and then raises."""
    monkeypatch.setattr(holds, "LOOK_AGAIN_AFTER", 0.0)
    topic = await cluster.create_topic()
    await cluster.produce(topic, b"0", b"1", b"2")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        consumer = member.source._joined.consumer  # type: ignore[union-attr]  # joined
        getmany = consumer.getmany
        raised: list[tuple[TopicPartition, ...]] = []

        async def skipping(*tps: TopicPartition, **limits: Any) -> Any:
            if tps != (reading.NOTHING,) and not raised:
                raised.append(tps)
                consumer.seek(tps[0], 1)
                raise RecordTooLargeError
            return await getmany(*tps, **limits)

        monkeypatch.setattr(consumer, "getmany", skipping)
        taken = await member.take(3)

    assert raised == [(TopicPartition(topic, 0),)]
    assert offsets(taken, 0) == [0, 1, 2]


async def test_what_was_taken_before_a_rebalance_is_not_handed_out_after_it(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, *[b"v"] * 5)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        await asyncio.sleep(0.5)  # they are in the library's buffer
        reader = member.source._joined.reader  # type: ignore[union-attr]  # joined
        poll = asyncio.create_task(member.source.poll([partition], 500, 0.0))
        while reader._reading is None:
            await asyncio.sleep(0)
        # A new session that begins at 3, after the records were taken and before the poll returns.
        reader._reading.add_done_callback(lambda _: reader.take({partition: 3}))
        old = await poll
        new = await member.take(2)

    assert list(old) == []
    assert offsets(new, 0) == [3, 4]


async def test_a_corrupt_batch_holds_its_partition_and_no_other(fragile: Broker) -> None:
    """What lies before it is delivered, what lies behind it is not read over it."""
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic(partitions=2)
    await cluster.produce(topic, b"good", partition=1)
    await cluster.produce(topic, b"SPOILT" * 10, partition=1)
    await cluster.produce(topic, b"behind", partition=1)
    await cluster.produce(topic, b"other", partition=0)
    log = fragile.data_dir / "log" / f"{topic}-1" / "00000000000000000000.log"
    log.write_bytes(log.read_bytes().replace(b"SPOILT", b"spoilt"))

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        taken = await member.take(2)
        taken += await member.poll_for(0.5)
        stuck = dict(member.source.stuck)

        assert offsets(taken, 1) == [0]
        assert offsets(taken, 0) == [0]
        assert list(stuck) == [Partition(topic, 1)]
        assert "offsets 1 to 1 has a wrong checksum" in stuck[Partition(topic, 1)]
        assert member.source.position(Partition(topic, 1)) == 1


async def test_an_offset_out_of_range_is_held_and_never_reset(cluster: Cluster) -> None:
    topic = await cluster.create_topic(partitions=2)
    kafka = config(cluster.bootstrap_servers)
    await cluster.produce(topic, *[b"v"] * 5, partition=0)
    await cluster.produce(topic, b"other", partition=1)
    await cluster.commit_alone(kafka.group_id, {(topic, 0): 1, (topic, 1): 0})
    await cluster.delete_records_before(topic, 3)

    async with joined(kafka, topic) as member:
        taken = await member.take(1)
        taken += await member.poll_for(0.5)

        assert member.told.committed[Partition(topic, 0)].offset == 1
        assert offsets(taken, 0) == []
        assert offsets(taken, 1) == [0]
        assert (
            "offset 1 is out of range, the log goes from 3 to 5"
            in member.source.stuck[Partition(topic, 0)]
        )
        assert member.source.position(Partition(topic, 0)) == 1


async def test_a_record_larger_than_a_fetch_is_read(cluster: Cluster) -> None:
    topic = await cluster.create_topic(max_message_bytes="9000000")
    await cluster.produce(topic, b"x" * 6_000_000, b"small")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        taken = await member.take(2)

    assert [len(each.value or b"") for each in taken] == [6_000_000, 5]


async def test_the_position_passes_transaction_markers_and_aborted_records(
    cluster: Cluster,
) -> None:
    """Else the lag would never be nought, and `--until-end` never end."""
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap_servers, transactional_id=unique("tx")
    )
    async with producer:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        taken = await member.take(1)
        taken += await member.poll_for(0.7)
        ends = await member.source.end_offsets([partition])

        assert [each.value for each in taken] == [b"committed"]
        assert member.source.position(partition) == ends[partition] == 4


async def test_the_library_alone_loses_them(cluster: Cluster) -> None:
    """Why the source reads each partition alone: the defect is there in this version of the library."""
    topic = await cluster.create_topic(partitions=2)
    await cluster.produce(topic, *[b"good"] * 5, partition=0)
    await cluster.produce_raw(topic, batch((b"k", b"v", [("BAD--", b"x")])), partition=1)
    consumer = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap_servers)
    good, bad = TopicPartition(topic, 0), TopicPartition(topic, 1)

    async with consumer:
        consumer.assign([good, bad])
        consumer.seek(good, 0)
        consumer.seek(bad, 0)
        buffered: Any = consumer._fetcher._records  # type: ignore[union-attr]  # there once started
        async with asyncio.timeout(10):
            while not {good, bad} <= set(buffered):
                await asyncio.sleep(0.01)
        buffered.move_to_end(bad)  # the order in which answers came is chance
        with pytest.raises(Exception, match=r"utf-8|structure"):
            await consumer.getmany()
        position = await consumer.position(good)

    assert position == 5, "its five records were never returned"
