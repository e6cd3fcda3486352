"""Sessions begin after the join and end before the next one: on a real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.commit import OffsetFetchRequest, OffsetFetchResponse_v3

from consumer.kafka.client import KafkaConfig
from consumer.model import Partition
from consumer.store import Commit, CommitResult, Committed
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import BootClock, Told, config, joined, polling

pytestmark = NEEDS_BROKER

SHORT = 1.5
"""Seconds of a session that a test waits out."""


async def test_what_the_first_owner_commits_in_its_drain_is_what_the_second_reads(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic(partitions=2)
    kafka = config(cluster.bootstrap_servers)
    told = Told()

    async def drain(partitions: Collection[Partition]) -> bool:
        session = told.session
        await asyncio.sleep(0.2)
        commits = {each: Commit(10 + each.partition, "drained") for each in partitions}
        results = await first.source.commit(session, commits)
        assert set(results.values()) == {CommitResult.STORED}
        return True

    told.drain = drain
    async with (
        joined(kafka, topic, told=told) as first,
        polling(first),
        joined(kafka, topic) as second,
        polling(second),
    ):
        await told.until(lambda: len(told.sessions) == 2)

        assert told.revocations == [[Partition(topic, 0), Partition(topic, 1)]]
        both = told.stored | second.told.stored
        assert both == {
            Partition(topic, 0): Committed(10, "drained"),
            Partition(topic, 1): Committed(11, "drained"),
        }
        assert len(told.committed) == len(second.told.committed) == 1


async def test_a_member_without_partitions_is_told_of_its_session(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers)

    async with joined(kafka, topic) as first, polling(first), joined(kafka, topic) as second:
        await first.told.until(lambda: len(first.told.sessions) == 2)

        assert {len(first.told.committed), len(second.told.committed)} == {0, 1}


async def test_a_coordinators_error_is_not_taken_for_a_group_that_never_committed(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library reads "not coordinator" as "nothing is committed": all would be done again."""
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers)
    await cluster.commit_alone(kafka.group_id, {(topic, 0): 7})
    answers = [16, 14, 14]
    send: Any = AIOKafkaClient.send

    async def moved(self: AIOKafkaClient, node: int, request: object, **group: Any) -> Any:
        if isinstance(request, OffsetFetchRequest) and answers:
            return OffsetFetchResponse_v3(0, [], answers.pop())
        return await send(self, node, request, **group)

    monkeypatch.setattr(AIOKafkaClient, "send", moved)

    async with joined(kafka, topic) as member:
        assert member.told.stored == {Partition(topic, 0): Committed(7)}
    assert answers == []


async def test_an_eviction_is_a_loss_and_not_a_revocation(cluster: Cluster) -> None:
    """The loop stood still for longer than the session: there is nothing to commit any more."""
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, session_timeout=1.0)

    async with joined(kafka, topic) as member, polling(member):
        old = member.told.session
        time.sleep(2.5)  # noqa: ASYNC251 - that is the fault
        evicted_lease = member.source.lease()
        await member.told.until(lambda: len(member.told.sessions) == 2)
        late = await member.source.commit(old, {Partition(topic, 0): Commit(1, "")})

        assert evicted_lease < BootClock().now() - 1.0
        assert member.told.losses == [[Partition(topic, 0)]]
        assert member.told.revocations == []
        assert late == {Partition(topic, 0): CommitResult.LOST}


async def test_requests_that_are_alive_hold_back_the_hand_over_until_the_lease_ends(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, session_timeout=4.0)
    told = Told()
    leases: list[float] = []

    async def drain(_: Collection[Partition]) -> bool:
        leases.append(first.source.lease())
        return False

    told.drain = drain
    async with joined(kafka, topic, told=told) as first, polling(first), joined(kafka, topic):
        handed_over = BootClock().now()

    assert handed_over >= leases[0]


async def test_a_follower_gets_a_new_member_by_rejoin(cluster: Cluster) -> None:
    """A plain rejoin of a follower keeps member and generation: an old commit could still land."""
    topic = await cluster.create_topic(partitions=2)
    kafka = config(cluster.bootstrap_servers)

    async with (
        joined(kafka, topic) as first,
        joined(kafka, topic) as second,
        polling(first, second),
    ):
        await first.told.until(lambda: len(first.told.sessions) == 2)
        old = second.told.session

        await second.source.rejoin()
        await second.told.until(lambda: second.told.session != old)
        lost = {each: Commit(1, "") for each in second.told.losses[0]}
        late = await second.source.commit(old, lost)

        assert second.told.session.member != old.member
        assert set(late.values()) == {CommitResult.LOST}


async def test_nothing_of_the_old_session_is_handed_out_in_the_new_one(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    await cluster.produce(topic, *[b"v"] * 20)
    kafka = config(cluster.bootstrap_servers)

    async with joined(kafka, topic) as member:
        await member.take(5, max_records=5)
        await member.source.rejoin()
        between = await member.source.poll([Partition(topic, 0)], 500, 0.0)
        async with polling(member):
            await member.told.until(lambda: len(member.told.sessions) == 2)
        again = await member.take(20)

    assert list(between) == []
    assert [each.offset for each in again] == list(range(20))


async def test_a_listener_that_raises_ends_the_service_at_its_next_poll(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, session_timeout=SHORT)
    told = Told()

    async def drain(_: Collection[Partition]) -> bool:
        raise ValueError("a bug")

    told.drain = drain
    async with joined(kafka, topic, told=told) as first:
        second = asyncio.create_task(_join_and_leave(kafka, topic))
        with pytest.raises(ValueError, match="a bug"):
            await first.poll_for(10)
        await first.source.close(leave=False)
        await second


async def _join_and_leave(kafka: KafkaConfig, topic: str) -> None:
    async with joined(kafka, topic):
        pass
