"""Commits on a real broker: each in the name of its session, each partition with its own answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.protocol.commit import OffsetCommitRequest

from consumer.kafka import commits
from consumer.kafka.library.inside import coordinator_of
from consumer.model import Partition
from consumer.store import Commit, CommitResult, Session
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import Member, config, joined, polling

pytestmark = NEEDS_BROKER


async def commit(
    member: Member, offset: int, metadata: str = "", session: Session | None = None
) -> CommitResult:
    """For the first partition of what the member has."""
    partition = min(member.told.committed)
    session = session or member.told.session
    results = await member.source.commit(session, {partition: Commit(offset, metadata)})
    return results[partition]


async def test_offset_and_metadata_are_stored_and_read_by_the_next_session(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers)

    async with joined(kafka, topic) as member:
        stored = await commit(member, 7, "1.AA.")
    async with joined(kafka, topic) as member:
        found = member.told.committed[Partition(topic, 0)]

    assert stored is CommitResult.STORED
    assert (found.offset, found.metadata, found.known) == (7, "1.AA.", True)


async def test_metadata_of_4096_bytes_is_stored_and_one_more_refused_alone(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic(partitions=2)
    fits, too_large = Partition(topic, 0), Partition(topic, 1)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        results = await member.source.commit(
            member.told.session,
            {fits: Commit(1, "x" * 4096), too_large: Commit(1, "x" * 4097)},
        )

    assert results == {fits: CommitResult.STORED, too_large: CommitResult.REFUSED}


@pytest.mark.soak  # the topic alone takes ten seconds
async def test_more_metadata_than_one_request_takes_is_stored_in_parts(cluster: Cluster) -> None:
    """The broker refuses 260 partitions of 4 KB in one request, all of them."""
    topic = await cluster.create_topic(partitions=400)
    content = {Partition(topic, number): Commit(1, "x" * 4096) for number in range(400)}

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        results = await member.source.commit(member.told.session, content)

    assert len(results) == 400
    assert set(results.values()) == {CommitResult.STORED}


async def test_a_member_that_left_is_refused_and_the_new_one_is_not(cluster: Cluster) -> None:
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers)

    async with joined(kafka, topic) as member, polling(member):
        old = member.told.session
        await member.source.rejoin()
        await member.told.until(lambda: len(member.told.sessions) == 2)

        late = await commit(member, 99, session=old)
        own = await commit(member, 5)

        assert member.told.session.member != old.member
        assert (late, own) == (CommitResult.LOST, CommitResult.STORED)
        assert member.told.losses == [[Partition(topic, 0)]]
        assert await cluster.committed(kafka.group_id, topic) == (5, "")


async def test_an_earlier_generation_of_the_same_member_is_refused(cluster: Cluster) -> None:
    topic = await cluster.create_topic(partitions=2)
    kafka = config(cluster.bootstrap_servers)

    async with joined(kafka, topic) as first, polling(first):
        old = first.told.session
        async with joined(kafka, topic):
            await first.told.until(lambda: len(first.told.sessions) == 2)

            late = await commit(first, 99, session=old)

            assert first.told.session.member == old.member
            assert first.told.session.generation > old.generation
            assert late is CommitResult.LOST


async def test_a_commit_without_identity_never_leaves_the_process(cluster: Cluster) -> None:
    """The broker would store it in an empty group, over everybody's claims: shown by sending one."""
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers)

    async with joined(kafka, topic) as member:
        coordinator = coordinator_of(member.source._joined.consumer)  # type: ignore[union-attr]  # joined
        await commit(member, 9, "claims")
        refused = await commit(member, 1, session=Session("", -1))
        await coordinator._maybe_leave_group()
        request = OffsetCommitRequest(kafka.group_id, -1, "", -1, [(topic, [(0, 3, "")])])
        answer: Any = await coordinator._send_req(request)

    assert refused is CommitResult.LOST
    assert answer.topics == [(topic, [(0, 0)])]
    assert await cluster.committed(kafka.group_id, topic) == (3, "")


async def test_a_commit_without_an_answer_may_land_later(
    fragile: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why it ends the membership: nobody sends it again, and yet it is stored."""
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers)

    async with joined(kafka, topic) as member:
        await commit(member, 1)
        monkeypatch.setattr(commits, "TIMEOUT", 0.2)
        fragile.suspend()
        abandoned = await commit(member, 2, "abandoned")
        fragile.resume()
        async with asyncio.timeout(10):
            while await cluster.committed(kafka.group_id, topic) == (1, ""):
                await asyncio.sleep(0.05)

        assert abandoned is CommitResult.UNANSWERED
        assert await cluster.committed(kafka.group_id, topic) == (2, "abandoned")


async def test_a_dead_broker_takes_no_longer_than_the_bound(
    fragile: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's own commit would try for ever, and outlive even `stop()`."""
    monkeypatch.setattr(commits, "TIMEOUT", 0.5)
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        await commit(member, 1)
        fragile.kill()
        async with asyncio.timeout(5):
            results = {await commit(member, 2) for _ in range(3)}

        assert results <= {CommitResult.UNANSWERED, CommitResult.AGAIN}


async def test_after_a_restart_of_the_broker_commits_are_stored_again(fragile: Broker) -> None:
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic()
    kafka = config(cluster.bootstrap_servers, session_timeout=30.0)

    async with joined(kafka, topic) as member, polling(member):
        await commit(member, 1)
        await asyncio.to_thread(fragile.restart)
        async with asyncio.timeout(60):
            while await commit(member, 2) is not CommitResult.STORED:
                await asyncio.sleep(0.1)

        assert await cluster.committed(kafka.group_id, topic) == (2, "")
