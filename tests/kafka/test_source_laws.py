"""What the core relies on in a `Source`, told once and run over the fake one and over Kafka: so they cannot differ."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from consumer.kafka import commits
from consumer.state.offset_codec import MAX_SPAN, encode
from consumer.store import Commit, CommitResult
from deploy.local.kafka import Broker
from tests import virtual_time
from tests.broker import Cluster
from tests.flow.world import Options, World
from tests.kafka.member import config
from tests.kafka.places import NOTHING, Place, Pretended, Real, polling

STORED, LOST = CommitResult.STORED, CommitResult.LOST


async def what_is_stored_is_where_the_next_session_begins(place: Place) -> None:
    first, _ = place.partitions
    await place.publish(first, 3)
    async with place.member() as member:
        assert not member.told.committed[first].known
        assert await member.take(3, first) == [(first, 0), (first, 1), (first, 2)]
        assert await member.commit(first, 2) is STORED

    async with place.member() as member:
        found = member.told.committed[first]
        assert (found.offset, found.metadata, found.known) == (2, NOTHING, True)
        assert await member.take(1, first) == [(first, 2)]


async def what_is_not_wanted_waits_and_comes_without_a_hole(place: Place) -> None:
    first, second = place.partitions
    for partition in place.partitions:
        await place.publish(partition, 4)
    async with place.member() as member:
        assert await member.take(4, first) == [(first, offset) for offset in range(4)]
        assert (member.source.position(first), member.source.position(second)) == (4, 0)
        assert await member.take(4, first, second) == [(second, offset) for offset in range(4)]
        assert await member.source.end_offsets([first, second]) == {first: 4, second: 4}


async def what_is_stored_in_a_drain_is_what_the_next_owner_reads(place: Place) -> None:
    first, second = place.partitions
    for partition in place.partitions:
        await place.publish(partition, 3)
    async with place.member() as old:
        await old.take(6, first, second)

        async def drain(_: object) -> bool:
            return {await old.commit(each, 3) for each in (first, second)} == {STORED}

        old.told.drain = drain
        async with polling(old), place.member() as new:
            await old.told.until(lambda: len(old.told.sessions) > 1)
            shares = [each.told.committed for each in (old, new)]
            assert sorted(partition for share in shares for partition in share) == [first, second]
            assert {found.offset for share in shares for found in share.values()} == {3}
            assert old.told.session.member == old.told.sessions[0][0].member
            (kept,) = old.told.committed
            assert await old.commit(kept, 3, session=0) is LOST
            assert await old.commit(kept, 3) is STORED
            old.told.drain = new.told.drain = None
        assert not old.told.losses


async def who_joins_anew_is_another_member_and_the_old_one_is_refused(place: Place) -> None:
    first, _ = place.partitions
    await place.publish(first, 1)
    async with place.member() as member, polling(member):
        await member.source.rejoin()
        await member.told.until(lambda: len(member.told.sessions) > 1)

        assert member.told.session.member != member.told.sessions[0][0].member
        assert await member.commit(first, 1, session=0) is LOST
        assert await member.commit(first, 1) is STORED


async def a_membership_is_certain_for_some_seconds_and_goes_on(place: Place) -> None:
    async with place.member() as member, polling(member):
        await asyncio.sleep(4)
        lease = member.source.lease()
        assert lease > place.clock.now()
        await asyncio.sleep(4)
        assert member.source.lease() > lease


async def the_longest_metadata_comes_back_as_it_was(place: Place) -> None:
    first, _ = place.partitions
    await place.publish(first, 1)
    last, every_other = 1 << MAX_SPAN - 1, int("10" * (MAX_SPAN // 2 - 1), 2)
    text = encode(every_other, last, drained=False, held=True, topic_id="A" * 22)
    assert len(text) > 4_000
    async with place.member() as member:
        assert await member.commit(first, 1, text) is STORED
    async with place.member() as member:
        assert member.told.committed[first].metadata == text


async def metadata_that_is_too_long_is_refused_and_its_neighbour_is_stored(place: Place) -> None:
    first, second = place.partitions
    async with place.member() as member:
        commits = {first: Commit(0, "x" * 4_097), second: Commit(0, "x" * 4_096)}
        assert await place.store(member, commits) == {first: CommitResult.REFUSED, second: STORED}
        assert (await place.stored(first), await place.stored(second)) == (-1, 0)


async def who_is_thrown_out_hears_it_from_its_commit_and_loses_what_it_had(place: Place) -> None:
    first, _ = place.partitions
    await place.publish(first, 2)
    async with place.member() as member, polling(member):
        assert await member.commit(first, 1) is STORED
        await place.evict(member)
        assert await member.commit(first, 2) is LOST
        await member.told.until(lambda: len(member.told.sessions) > 1)

        assert sorted(member.told.losses[0]) == place.partitions
        assert not member.told.revocations
        assert member.told.session.member != member.told.sessions[0][0].member
        assert member.told.committed[first].offset == 1
        assert await member.commit(first, 2) is STORED


async def what_gets_no_answer_may_be_stored_all_the_same(place: Place) -> None:
    first, _ = place.partitions
    await place.publish(first, 2)
    async with place.member() as member, polling(member):
        assert await member.commit(first, 1) is STORED
        async with place.stands_still():
            assert await member.commit(first, 2) is CommitResult.UNANSWERED
        async with asyncio.timeout(20):
            while await place.stored(first) != 2:
                await asyncio.sleep(0.1)


Law = Callable[[Place], Awaitable[None]]
LAWS: list[Law] = [
    what_is_stored_is_where_the_next_session_begins,
    what_is_not_wanted_waits_and_comes_without_a_hole,
    what_is_stored_in_a_drain_is_what_the_next_owner_reads,
    who_joins_anew_is_another_member_and_the_old_one_is_refused,
    a_membership_is_certain_for_some_seconds_and_goes_on,
    the_longest_metadata_comes_back_as_it_was,
    metadata_that_is_too_long_is_refused_and_its_neighbour_is_stored,
    who_is_thrown_out_hears_it_from_its_commit_and_loses_what_it_had,
    what_gets_no_answer_may_be_stored_all_the_same,
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("law", LAWS)
def test_the_fake_keeps_it(law: Law, seed: int) -> None:
    async def main() -> None:
        world = World(seed, Options(partitions=2))
        for partition in world.log.partitions:
            world.log.create(partition)
        await law(Pretended(world))

    virtual_time.run(main(), seed=seed)


@pytest.mark.kafka
@pytest.mark.timeout(180)
@pytest.mark.parametrize("law", LAWS)
async def test_kafka_keeps_it(law: Law, fragile: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "TIMEOUT", 1.0)
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await cluster.create_topic(partitions=2)

    await law(Real(fragile, cluster, config(cluster.bootstrap_servers), topic))
