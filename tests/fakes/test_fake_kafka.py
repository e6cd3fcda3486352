"""The fake group and log behave as Kafka does: else nothing that they prove is worth anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from consumer.model import Partition
from consumer.state.offset_codec import encode
from consumer.store import Commit, Session
from tests import virtual_time
from tests.fakes.group import METADATA_LIMIT, Code, FakeGroup, Joined
from tests.fakes.log import FakeLog, Spec
from tests.fakes.marks import Marks

PARTITION = Partition("t", 0)


def with_group(story: Callable[[FakeGroup], object]) -> None:
    """Run a story with a coordinator of two partitions."""

    async def main() -> None:
        group = FakeGroup(
            [PARTITION, Partition("t", 1)],
            asyncio.get_running_loop().time,
            lambda what: None,
            lambda member: None,
        )
        result = story(group)
        assert asyncio.iscoroutine(result)
        await result

    virtual_time.run(main())


def at(offset: int) -> dict[Partition, Commit]:
    return {PARTITION: Commit(offset, "")}


async def joined(group: FakeGroup, member: str = "") -> Joined:
    return dealt(await group.join(member))


def dealt(answer: Joined | Code) -> Joined:
    assert isinstance(answer, Joined)
    return answer


async def beat(group: FakeGroup, joined: Joined, seconds: float) -> None:
    for _ in range(int(seconds)):
        assert group.heartbeat(joined.session) in (Code.NONE, Code.REBALANCE_IN_PROGRESS)
        await asyncio.sleep(1)


# The coordinator ---------------------------------------------------------------------------------


def test_a_second_member_gets_its_share_when_the_first_has_joined_again() -> None:
    async def story(group: FakeGroup) -> None:
        first = await joined(group)
        second = group.join("")
        assert group.heartbeat(first.session) is Code.REBALANCE_IN_PROGRESS
        again = await joined(group, first.session.member)

        assert len(first.partitions) == 2
        assert again.session.member == first.session.member
        assert again.session.generation == first.session.generation + 1
        assert {*again.partitions, *dealt(await second).partitions} == set(first.partitions)

    with_group(story)


def test_a_commit_of_an_old_generation_or_member_is_refused() -> None:
    async def story(group: FakeGroup) -> None:
        old = (await joined(group)).session
        new = (await joined(group, old.member)).session

        assert group.commit(old, at(1))[PARTITION] is Code.ILLEGAL_GENERATION
        assert group.commit(new, at(1))[PARTITION] is Code.NONE
        group.leave(new.member)
        assert group.commit(new, at(2))[PARTITION] is Code.UNKNOWN_MEMBER
        assert group.store[PARTITION].offset == 1

    with_group(story)


def test_a_commit_without_a_generation_is_stored_when_the_group_is_empty_only() -> None:
    async def story(group: FakeGroup) -> None:
        session = (await joined(group)).session

        assert group.commit(Session("", -1), at(1))[PARTITION] is Code.UNKNOWN_MEMBER
        group.leave(session.member)
        assert group.commit(Session("", -1), at(1))[PARTITION] is Code.NONE

    with_group(story)


def test_a_commit_is_taken_while_others_are_waited_for_and_refused_while_shares_are_dealt() -> None:
    async def story(group: FakeGroup) -> None:
        session = (await joined(group)).session
        group.rebalance()
        assert group.commit(session, at(1))[PARTITION] is Code.NONE

        waiting = group.join(session.member)
        next_one = Session(session.member, session.generation + 1)
        assert group.commit(next_one, at(2))[PARTITION] is Code.REBALANCE_IN_PROGRESS
        assert group.commit(dealt(await waiting).session, at(2))[PARTITION] is Code.NONE

    with_group(story)


def test_a_silent_member_is_evicted_after_the_session_timeout() -> None:
    async def story(group: FakeGroup) -> None:
        session = (await joined(group)).session

        await asyncio.sleep(44)
        assert session.member in group.members
        await asyncio.sleep(2)
        assert session.member not in group.members
        assert group.heartbeat(session) is Code.UNKNOWN_MEMBER

    with_group(story)


def test_who_does_not_join_in_time_is_left_behind() -> None:
    async def story(group: FakeGroup) -> None:
        first = await joined(group)
        waiting = group.join("")
        await beat(group, first, 29)
        assert not waiting.done()

        await asyncio.sleep(2)
        assert len(dealt(waiting.result()).partitions) == 2
        assert first.session.member not in group.members

    with_group(story)


def test_who_is_removed_while_it_waits_for_the_others_is_told_so() -> None:
    """Unanswered, it would wait for ever, and the partitions with it."""

    async def story(group: FakeGroup) -> None:
        await joined(group)
        waiting = group.join("")
        (_, waits) = group.members

        group.evict(waits)

        assert await waiting is Code.UNKNOWN_MEMBER
        assert waits not in group.members

    with_group(story)


def test_metadata_beyond_the_limit_is_refused_for_that_partition_only() -> None:
    async def story(group: FakeGroup) -> None:
        session = (await joined(group)).session
        other = Partition("t", 1)
        commits = {
            PARTITION: Commit(1, "x" * (METADATA_LIMIT + 1)),
            other: Commit(1, "x" * METADATA_LIMIT),
        }

        answers = group.commit(session, commits)

        assert answers == {PARTITION: Code.METADATA_TOO_LARGE, other: Code.NONE}
        assert list(group.store) == [other]

    with_group(story)


# The log -----------------------------------------------------------------------------------------


def test_the_position_passes_what_never_was_a_record() -> None:
    log = FakeLog()
    log.create(PARTITION, start=3)
    log.produce(PARTITION, Spec())
    log.leave_gap(PARTITION, 5)
    log.produce(PARTITION, Spec())
    log.leave_gap(PARTITION, 2)

    records, after_first = log.read(PARTITION, 3, 1)
    rest, after_all = log.read(PARTITION, after_first, 10)

    assert [record.offset for record in records] == [3]
    assert after_first == 9
    assert [record.offset for record in rest] == [9]
    assert after_all == log.end(PARTITION) == 12


def test_what_retention_took_is_not_given() -> None:
    log = FakeLog()
    log.create(PARTITION)
    for _ in range(4):
        log.produce(PARTITION, Spec())
    log.trim(PARTITION, 2)

    records, _ = log.read(PARTITION, 0, 10)

    assert [record.offset for record in records] == [2, 3]


def test_marks_are_what_the_codec_wrote() -> None:
    text = encode(0b1010, 0b0110, drained=True)

    marks = Marks.read(Commit(10, text))

    assert marks == Marks(10, frozenset({11, 13}), frozenset({12}), drained=True)
    assert marks.has_done(9)
    assert not marks.has_done(10)
    assert Marks.read(None) is None
