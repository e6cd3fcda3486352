"""Grants that are withdrawn while a member is in its group, and given again: it goes on by itself."""

from __future__ import annotations

import asyncio

import pytest

from consumer.model import Partition
from consumer.store import Commit, CommitResult
from tests.broker import NEEDS_BROKER
from tests.kafka.guarded import GROUP, READ, TOPIC, Guarded, granted
from tests.kafka.member import Member, joined, polling

pytestmark = NEEDS_BROKER


async def commits(member: Member, partition: Partition) -> CommitResult:
    results = await member.source.commit(member.told.session, {partition: Commit(1, "")})
    return results[partition]


async def is_member(member: Member) -> None:
    """Returns when the group has answered it of late."""
    clock = member.source._clock
    async with asyncio.timeout(40):
        while member.source.lease() < clock.now() + 1:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("seconds", [4.0, pytest.param(12.0, marks=pytest.mark.slow)])
async def test_a_member_whose_group_is_denied_for_a_while_goes_on_by_itself(
    guarded: Guarded, seconds: float
) -> None:
    """The library ends its heartbeats on the first that is refused, and tells the same for ever."""
    kafka = guarded.config()
    topic = await granted(guarded, kafka)
    partition = Partition(topic, 0)
    async with joined(kafka, topic) as member, polling(member):
        await guarded.withdraw(GROUP, kafka.group_id, READ)
        await asyncio.sleep(seconds)
        refused = await commits(member, partition)
        await guarded.grant(GROUP, kafka.group_id, READ)
        await asyncio.sleep(kafka.session_timeout)
        await is_member(member)
        stored = await commits(member, partition)

    assert refused is CommitResult.REFUSED
    assert stored is CommitResult.STORED
    # Within the session timeout the coordinator noticed nothing.
    assert len(member.told.sessions) == (1 if seconds < kafka.session_timeout else 2)


@pytest.mark.slow
async def test_a_topic_that_is_denied_for_a_while_is_read_on_in_the_same_session(
    guarded: Guarded,
) -> None:
    kafka = guarded.config()
    topic = await granted(guarded, kafka)
    partition = Partition(topic, 0)
    async with joined(kafka, topic) as member:
        await guarded.withdraw(TOPIC, topic, READ)
        assert not await member.poll_for(2)
        await guarded.cluster.produce(topic, b"v")
        assert not await member.poll_for(1)
        refused = await commits(member, partition)
        await guarded.grant(TOPIC, topic, READ)
        (record,) = await member.take(1, within=60)
        stored = await commits(member, partition)

    assert record.offset == 0
    assert refused is CommitResult.REFUSED
    assert stored is CommitResult.STORED
    assert len(member.told.sessions) == 1
