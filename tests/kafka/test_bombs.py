"""A few kilobytes that stand for half a gigabyte stop their partition, and not the process."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from consumer.kafka.batches import through_first_fault
from consumer.kafka.inflate import MOST, Bomb, unzstd, zstd_bound
from consumer.model import Partition, Unreadable
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import config, joined, offsets
from tests.kafka.raw import PAYLOAD_AT, bomb

pytestmark = NEEDS_BROKER


def test_the_bomb_is_one() -> None:
    written = bomb(512)

    assert len(written) < 20_000
    assert zstd_bound(written[PAYLOAD_AT:]) > 512 * 2**20 > MOST
    (record,) = through_first_fault(bomb(1), (), Partition("t", 0), 0).records
    assert record.value == bytes(2**20)
    with pytest.raises(Bomb):
        unzstd(written[PAYLOAD_AT:])


async def test_a_bomb_is_not_inflated(cluster: Cluster) -> None:
    """In a process that has no room for it."""
    topic = await cluster.create_topic(partitions=2)
    await cluster.produce(topic, b"before", partition=0)
    await cluster.produce(topic, b"other", partition=1)
    await cluster.produce_raw(topic, bomb(512))

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kafka.bounded_reader"),
        *(cluster.bootstrap_servers, topic, "2"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert process.returncode == 0, err.decode()
    told = json.loads(out)
    assert told["taken"] == [0, 0]
    assert "offsets 1 to 1 inflates to more than 64 MiB" in told["stuck"]["0"]
    assert list(told["stuck"]) == ["0"]
    assert told["mebibytes"] < 256


async def test_a_bomb_can_be_skipped(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    await cluster.produce_raw(topic, bomb(512))
    await cluster.produce(topic, b"behind")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        async with asyncio.timeout(20):
            while not member.source.stuck:
                await member.poll_for(0.1)
        await member.source.skip(Partition(topic, 0), 0)
        taken = await member.take(2)

    assert offsets(taken, 0) == [0, 1]
    assert isinstance(taken[0], Unreadable)
    assert taken[0].skipped
    assert taken[1].value == b"behind"
