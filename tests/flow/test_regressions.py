"""Handovers and commits that went wrong once: each test fails where its defect comes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Plan
from tests.fakes.group import Code
from tests.flow.laws import letters_of
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

LOST = Unknown(Answer("timeout"))


async def assigned(world: World) -> Process:
    """A process that has its partitions."""
    process = world.start()
    await world.until(lambda: process.source.coordination.assigned)
    return process


def commits_are_put_off(world: World, partition: int = 0) -> None:
    """From now on each commit of it is answered with *try again*."""
    world.group.refuse_next += [(world.partition(partition), Code.COORDINATOR_LOADING)] * 10_000


# Handing over ------------------------------------------------------------------------------------


def test_a_session_that_begins_during_a_renewal_is_drained_before_the_group_is_left() -> None:
    """The renewal drained the session it was told of, and left with requests of the next one alive."""

    async def story(world: World) -> None:
        first = await assigned(world)
        world.foundry.plans.append(Plan(None, 14.1, LOST))
        world.produce(lane="a")
        await world.until(lambda: world.foundry.requests == 1)
        first.source.lose_next_answers.append(None)
        world.produce(lane="b")
        await world.until(
            lambda: any(tenure.ending for tenure in first.service.workload.all_tenures)  # type: ignore[attr-defined]
        )
        world.foundry.plans.append(Plan(13.0, 13.1))

        world.evict(first)
        world.produce(lane="c")
        await world.settled()

        assert len(world.memberships.all) > 2, "it was never renewed"

    simulate(story, seed=1)


def test_lanes_that_wait_for_a_lost_request_wait_at_the_next_owners_too() -> None:
    """The hold was kept in memory alone: after a graceful stop the lane was overtaken."""

    async def story(world: World) -> None:
        first = await assigned(world)
        last_moment = LIMITS.request_timeout + LIMITS.settle_time - 0.5
        world.foundry.plans.append(Plan(last_moment, LIMITS.request_timeout, LOST))
        former, later = world.produce(2, lane="a", repeat=Repeat.NEVER)
        await world.until(lambda: letters_of(world.truth, "unknown") == [former])

        await world.stop(first)
        world.start()
        await world.settled()

        effects = world.truth.effects_of
        assert effects[former][0].at < effects[later][0].at

    simulate(story, seed=1)


def test_what_is_applied_in_part_is_not_gone_on_with_while_the_last_commit_is_made() -> None:
    """It was sent while nobody waited for it any more, and the commit said *drained*."""

    async def story(world: World) -> None:
        first = await assigned(world)
        world.foundry.plans.append(Plan(14.8, 14.9))
        world.produce(action="slow")
        await world.until(lambda: world.foundry.requests == 1)
        world.produce(steps=2)
        await world.until(lambda: len(world.truth.effects) == 1)
        world.foundry.plans.extend([Plan(None, 0.01, LOST)] * 1_000)
        began = world.loop.time()
        stop = asyncio.create_task(world.stop(first))
        await asyncio.sleep(14)
        commits_are_put_off(world)
        await asyncio.sleep(began + LIMITS.request_timeout + 3.5 - world.loop.time())
        assert not stop.done()
        sent = world.foundry.requests

        await asyncio.sleep(5)
        world.group.refuse_next.clear()
        await stop

        assert world.foundry.requests == sent
        marks = world.marks()
        assert marks is not None
        assert not marks.drained
        assert first.task is not None
        assert first.task.result() is False
        world.foundry.plans.clear()

    # Seldom, so that no commit is too old to send: that alone would keep it back.
    simulate(story, seed=1, limits=replace(LIMITS, commit_interval=3.0))


# Commits -----------------------------------------------------------------------------------------


def test_a_partition_whose_commits_are_put_off_stops_no_other() -> None:
    """The age of the oldest commit was one for all: a deleted topic stopped the process."""

    async def story(world: World) -> None:
        await assigned(world)
        commits_are_put_off(world)
        world.produce(partition=0)
        await asyncio.sleep(30)

        (other,) = world.produce(partition=1)
        await asyncio.sleep(10)

        assert world.truth.executed(other)

    simulate(story, seed=1, partitions=2)


def test_a_stop_that_leaves_a_partition_uncommitted_is_no_success() -> None:
    """What was refused had fallen out of the count: the process ended with exit code 0."""

    async def story(world: World) -> None:
        first = await assigned(world)
        world.group.denied.add(world.partition(0))
        world.produce()
        await world.until(lambda: bool(first.watch.held_partitions))

        await world.stop(first)

        assert first.task is not None
        assert first.task.result() is False

    simulate(story, seed=1)


def test_a_stop_after_a_session_that_left_something_undone_is_no_success() -> None:
    """Nothing was assigned any more when the stop came, so nothing seemed to be left."""

    async def story(world: World) -> None:
        first = await assigned(world)
        world.silence(300)
        world.produce(3)
        await world.until(lambda: not world.truth.unsettled())
        await world.until(lambda: not _held(first))

        await world.stop(first)

        assert first.task is not None
        assert first.task.result() is False

    simulate(story, seed=1)


def test_a_stop_after_an_eviction_that_cost_a_commit_is_no_success() -> None:
    """As above; another member keeps the group from giving anything to anybody meanwhile."""

    async def story(world: World) -> None:
        first = await assigned(world)
        other = world.start()
        await world.until(lambda: len(_held(first)) == len(_held(other)) == 1)
        other.pause()
        world.produce(1, partition=0)
        world.produce(1, partition=1)
        await world.until(lambda: len(world.truth.settled) == 1)
        world.evict(first)
        await world.until(lambda: not _held(first))

        await world.stop(first)

        assert first.task is not None
        assert first.task.result() is False

    simulate(story, seed=1, partitions=2)


def test_a_stop_that_leaves_nothing_is_a_success() -> None:
    """The other side of the same count."""

    async def story(world: World) -> None:
        first = await assigned(world)
        world.produce(3)
        await world.settled()

        await world.stop(first)

        assert first.task is not None
        assert first.task.result() is True

    simulate(story, seed=1)


def test_a_last_commit_cut_off_by_its_bound_ends_the_membership() -> None:
    """It is under way and may land over the next session's: only a new member is safe from it."""

    async def story(world: World) -> None:
        first = await assigned(world)
        member = first.source.coordination.member
        commits_are_put_off(world)
        world.produce()
        await world.settled()
        world.rebalance()
        await world.until(lambda: not first.source.coordination.assigned)

        await asyncio.sleep(2)
        first.source.lose_next_answers.append(None)
        world.group.refuse_next.clear()
        await asyncio.sleep(30)

        assert not first.source.lose_next_answers
        assert first.source.coordination.assigned
        assert first.source.coordination.member != member

    simulate(story, seed=1)


@pytest.mark.parametrize("ends", ["stop", "rebalance"])
def test_a_request_that_outlives_its_session_is_waited_for_by_the_next_ending(ends: str) -> None:
    """It was forgotten with its partition: the group was left while it could still take effect."""

    async def story(world: World) -> None:
        first = await assigned(world)
        world.foundry.plans.append(Plan(0.01, 0.02))
        world.foundry.plans.extend([Plan(None, after, LOST) for after in (12.0, 14.0, 14.0)])
        first.source.lose_next_answers.append(None)
        (record,) = world.produce(steps=2)
        world.truth.excuse([record], "it is begun again")
        await world.until(lambda: not _held(first))
        assert first.core is not None
        assert first.core.in_flight == 1

        if ends == "stop":
            await world.stop(first)
            assert world.loop.time() >= world.foundry.arrivals[-1] + 14
        else:
            world.rebalance()
            await asyncio.sleep(60)

    simulate(story, seed=1)


def _held(process: Process) -> list[str | None]:
    return [tenure.held for tenure in process.service.workload.all_tenures]  # type: ignore[attr-defined]


def test_what_is_applied_in_part_is_finished_even_late_in_a_long_drain() -> None:
    """A partition that is drained is not committed, and was called stale: nothing of it was sent on."""

    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.coordination.assigned)
        world.foundry.plans.append(Plan(14.0, 14.1))
        world.produce(action="slow")
        await world.until(lambda: world.foundry.requests == 1)
        world.foundry.plans.append(Plan(12.0, 12.1))
        (record,) = world.produce(steps=2)
        await world.until(lambda: world.foundry.requests == 2)

        await world.stop(first)

        marks = world.marks()
        assert marks is not None
        assert marks.drained
        assert len(world.truth.effects_of[record]) == 2
        assert first.task is not None
        assert first.task.result() is True

    simulate(story, seed=1)
