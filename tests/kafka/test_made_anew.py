# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)
"""A topic that is deleted and made anew under its name, on a real broker: noticed, never read from the middle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from consumer.errors import SkipRefused
from consumer.kafka import holds, topic_ids as asked
from consumer.kafka.topic_ids import topic_ids
from consumer.model import Partition
from consumer.store import Commit, CommitResult
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import Member, config, joined, offsets, polling

pytestmark = NEEDS_BROKER


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "ASK_EVERY", 0.2)
    monkeypatch.setattr(holds, "LOOK_AGAIN_AFTER", 0.2)


async def until(member: Member, said: Callable[[], bool]) -> list[int]:
    """Poll until it is so; the offsets that came meanwhile."""
    taken = []
    async with asyncio.timeout(30):
        while not said():
            taken += [each.offset for each in await member.poll_for(0.1)]
    return taken


async def made_anew(cluster: Cluster, topic: str, *values: bytes) -> None:
    await cluster.delete_topic(topic)
    await cluster.create_topic(topic)
    await cluster.produce(topic, *values)


async def test_the_id_is_the_one_that_kafkas_own_tools_show(cluster: Cluster) -> None:
    topic = await cluster.create_topic()

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        consumer = member.source._consumer
        assert consumer is not None
        first = await topic_ids(consumer, [topic, "there-is-none"])
        told = member.told.committed[Partition(topic, 0)].topic_id
        await made_anew(cluster, topic)
        second = await topic_ids(consumer, [topic])

    assert first == {topic: told, "there-is-none": None}
    assert told is not None
    assert len(told) == 22
    assert second[topic] not in (None, told)


async def test_a_broker_that_lags_behind_when_a_session_begins_is_asked_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody would notice in that session when the topic is made anew."""
    topic = await cluster.create_topic()
    real, lagging = asked.topic_ids, [True, True]

    async def one_of_several(*given: Any) -> dict[str, str | None]:
        return {topic: None} if lagging and lagging.pop() else await real(*given)

    monkeypatch.setattr(asked, "topic_ids", one_of_several)
    async with joined(config(cluster.bootstrap_servers), topic) as member:
        told = member.told.committed[Partition(topic, 0)].topic_id

    assert not lagging
    assert told is not None


@pytest.mark.parametrize("new_length", [9, 2], ids=["the position is in it", "it is beyond it"])
async def test_while_it_is_read_nothing_of_the_new_one_is_read_from_the_middle(
    cluster: Cluster, new_length: int
) -> None:
    """It stands still; or the library saw the topic go, and the group joins again, as for a new one."""
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, *[b"old"] * 5)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        await member.take(5)
        consumer = member.source._consumer
        assert consumer is not None

        def noticed() -> bool:
            consumer._client.force_metadata_update()  # each minute, by itself
            stands_still = "recreated" in member.source.stuck.get(partition, "")
            return stands_still or (
                len(member.told.sessions) > 1 and partition in member.told.committed
            )

        anew = asyncio.create_task(made_anew(cluster, topic, *[b"new"] * new_length))
        taken = await until(member, lambda: anew.done() and noticed())
        await anew
        taken += [each.offset for each in await member.poll_for(1.0)]
        if "recreated" in member.source.stuck.get(partition, ""):
            assert taken == []
            assert member.source.position(partition) == 5
            with pytest.raises(SkipRefused, match="set its offset"):
                await member.source.skip(partition, 5)
        else:
            assert taken == list(range(new_length))
            assert not member.told.committed[partition].known


async def test_where_no_sign_is_seen_it_is_found_all_the_same(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the topic goes and comes between two fetches."""
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, b"old")

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        await member.take(1)
        reader = member.source._joined.reader  # type: ignore[union-attr]  # joined
        real = reader._topics._ids[topic]
        reader._topics._ids[topic] = "AAAAAAAAAAAAAAAAAAAAAA"
        await until(member, lambda: partition in member.source.stuck)
        why = member.source.stuck[partition]
        await cluster.produce(topic, b"behind")
        taken = await member.poll_for(0.5)
        reader._topics._ids[topic] = real  # a broker that lagged behind has caught up
        again = await member.take(1)

    assert f"is now {real}," in why
    assert taken == []
    assert offsets(again, 0) == [1]


async def test_what_the_library_took_while_in_doubt_is_taken_again_after_it(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic()
    await cluster.produce(topic, *[b"v"] * 5)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        topics = member.source._joined.reader._topics  # type: ignore[union-attr]  # joined
        await asyncio.sleep(0.5)  # they are in the library's buffer
        topics.doubt()
        ask = topics._ask_at
        topics._ask_at = float("inf")
        doubted = await member.poll_for(0.5)
        topics._ask_at = ask
        taken = await member.take(5)

    assert doubted == []
    assert offsets(taken, 0) == [0, 1, 2, 3, 4]


async def test_an_answer_from_before_the_doubt_does_not_end_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await cluster.create_topic()

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        topics = member.source._joined.reader._topics  # type: ignore[union-attr]  # joined
        ids, answer = dict(topics._ids), asyncio.Event()

        async def late(*_: object) -> dict[str, str]:
            await answer.wait()
            return ids

        monkeypatch.setattr(asked, "topic_ids", late)
        topics.doubt()
        topics.look()
        await asyncio.sleep(0)
        topics.doubt()
        asking = topics._asking
        answer.set()
        assert asking is not None
        await asking
        after_the_old_answer = topics.doubted
        topics.look()
        assert topics._asking is not None
        await topics._asking

    assert after_the_old_answer
    assert not topics.doubted


async def test_a_flood_of_signs_does_not_keep_the_records_back(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One partition without a leader has the library ask for metadata all the time."""
    topic = await cluster.create_topic()
    real = asked.topic_ids

    async def slow(*given: Any) -> dict[str, str | None]:
        await asyncio.sleep(0.1)
        return await real(*given)

    async def flood() -> None:
        while True:
            topics.doubt()
            await asyncio.sleep(0.02)

    async with joined(config(cluster.bootstrap_servers), topic) as member:
        topics = member.source._joined.reader._topics  # type: ignore[union-attr]  # joined
        monkeypatch.setattr(asked, "topic_ids", slow)
        flooding = asyncio.create_task(flood())
        await cluster.produce(topic, *[b"v"] * 5)
        taken = await member.take(5, max_records=1)
        flooding.cancel()

    assert offsets(taken, 0) == [0, 1, 2, 3, 4]


async def test_what_was_committed_for_the_old_one_is_known_by_the_old_id(cluster: Cluster) -> None:
    """A member that did not notice in time commits into the new topic: Kafka takes names."""
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    kafka = config(cluster.bootstrap_servers)
    await cluster.produce(topic, b"old")

    async with joined(kafka, topic) as member:
        told = member.told
        old_id = told.committed[partition].topic_id
        await made_anew(cluster, topic, b"new")
        results = await member.source.commit(told.session, {partition: Commit(1, f"{old_id}")})
    async with joined(kafka, topic) as successor:
        found = successor.told.committed[partition]

    if results[partition] is CommitResult.STORED:
        assert (found.offset, found.metadata) == (1, old_id)
    assert found.topic_id not in (None, old_id)


async def test_while_nobody_reads_kafka_forgets_the_offsets_with_the_topic(
    cluster: Cluster,
) -> None:
    """So the new one is begun at its earliest, as any topic that the group never committed for."""
    topic = await cluster.create_topic()
    partition = Partition(topic, 0)
    kafka = config(cluster.bootstrap_servers)
    await cluster.produce(topic, *[b"old"] * 3)
    async with joined(kafka, topic) as member:
        await member.source.commit(member.told.session, {partition: Commit(3, "")})

    await made_anew(cluster, topic, *[b"new"] * 5)
    async with joined(kafka, topic) as member:
        taken = await member.take(5)

    assert not member.told.committed[partition].known
    assert offsets(taken, 0) == [0, 1, 2, 3, 4]


async def test_of_a_topic_that_is_gone_it_is_said_and_the_others_go_on(cluster: Cluster) -> None:
    gone, other = await cluster.create_topic(), await cluster.create_topic()
    partition = Partition(gone, 0)
    kafka = config(cluster.bootstrap_servers)
    await cluster.produce(gone, b"v")

    async with joined(kafka, gone, other) as member, polling(member):
        await asyncio.sleep(0)
    async with joined(kafka, gone, other) as member:
        await member.take(1)
        deleted = asyncio.create_task(cluster.delete_topic(gone))
        await until(
            member,
            lambda: (
                deleted.done()
                and (
                    "is gone" in member.source.stuck.get(partition, "")
                    or partition not in member.told.committed
                )
            ),
        )
        await deleted
        await cluster.produce(other, b"on")
        taken = await member.take(1)

    assert [(each.topic, each.value) for each in taken] == [(other, b"on")]
