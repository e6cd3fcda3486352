"""Processes can be killed, frozen and left without answers as real ones can."""

from __future__ import annotations

import asyncio

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from consumer.store import Commit
from tests.fakes.foundry import Plan
from tests.flow.naive import naive
from tests.flow.random_world import random_world
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

# Processes ---------------------------------------------------------------------------------------


def test_a_killed_process_does_nothing_more_and_what_it_sent_is_executed() -> None:
    async def story(world: World) -> None:
        (record,) = world.produce()
        world.foundry.plans.append(Plan(3.0, 3.1))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        steps = first.host.steps

        world.kill(first)
        await asyncio.sleep(100)

        assert first.host.steps == steps
        assert world.truth.executed(record)
        assert record not in world.truth.settled
        assert not world.group.members

    simulate(story, service=naive())


@pytest.mark.parametrize("step", range(1, 60, 7))
def test_a_process_can_be_killed_at_each_step(step: int) -> None:
    async def story(world: World) -> None:
        world.produce(3, repeat=Repeat.NEVER)
        first = world.start()
        world.kill_at(first, step)
        await asyncio.sleep(5)

        assert first.killed
        assert first.host.steps == step

    simulate(story, service=naive())


def test_a_process_that_stood_still_too_long_has_lost_its_partitions() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: bool(world.group.members))
        member = first.source.coordination.member
        await world.pause(first, 60.0)
        await asyncio.sleep(5)

        assert first.source.coordination.member not in ("", member)

    simulate(story, service=naive())


def test_an_unanswered_commit_lands_later_over_a_newer_one() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        source, membership = first.source, first.source.membership
        assert membership is not None
        world.produce(2)
        await world.settled()
        await asyncio.sleep(2)
        session, partition = membership.session, World.partition(0)
        late, newer = Commit(1, ""), Commit(2, "")

        landing = world.network.send(
            3.0, lambda: world.group.commit(session, {partition: late}), answered=False
        )
        await source.commit(session, {partition: newer})
        assert world.group.store[partition] == newer
        await asyncio.sleep(4)

        assert not landing.done()
        assert world.group.store[partition] == late
        membership.spoil("a late commit")
        world.rebalance()

    simulate(story, service=naive(), seed=3)


def test_a_request_given_up_may_be_executed_until_the_settle_time_is_over() -> None:
    executed: list[float] = []

    async def story(world: World) -> None:
        world.foundry.faults = type(world.foundry.faults)(unknown=1.0)
        (record,) = world.produce()
        world.start()
        began = world.loop.time()
        await asyncio.sleep(0.8 * LIMITS.settle_time + LIMITS.request_timeout)
        world.faults_end()
        await world.settled()
        executed.extend(effect.at - began for effect in world.truth.effects_of[record])

    for seed in range(30):
        simulate(story, service=naive(), seed=seed)

    assert min(executed) < 1
    assert LIMITS.request_timeout < max(executed)


def test_the_outcome_unknown_says_nothing_of_what_happened() -> None:
    lost = Unknown(Answer("timeout"))

    async def story(world: World, plan: Plan, effects: int) -> None:
        (record,) = world.produce(repeat=Repeat.NEVER)
        world.foundry.plans.append(plan)
        world.start()
        await world.settled()

        assert len(world.truth.effects_of[record]) == effects
        assert [letter.reason for letter in world.truth.letters[record]] == ["unknown"]

    simulate(lambda world: story(world, Plan(None, 1.0, lost), 0), service=naive())
    simulate(lambda world: story(world, Plan(0.5, 1.0, lost), 1), service=naive())


def test_the_same_seed_is_the_same_run() -> None:
    runs = [list(random_world(seed, service=naive()).truth.trace) for seed in (11, 12, 11)]

    assert runs[0] == runs[2]
    assert runs[0] != runs[1]
