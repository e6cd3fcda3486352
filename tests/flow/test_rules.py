"""Rules of claims where nothing else prevents the harm: each in the moment that it is there for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Plan
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

HARMFUL = [Repeat.NEVER, Repeat.ASK]
NO_ANSWER = Unknown(Answer("timeout"))
LONG_SETTLE = 60.0
"""Longer than a killed process is still a member."""


def claims_stored(world: World) -> frozenset[int]:
    marks = world.marks()
    assert marks is not None
    return marks.claims


@pytest.mark.parametrize("repeat", HARMFUL)
@pytest.mark.parametrize("seed", range(5))
def test_rule_3_a_claim_that_comes_while_a_commit_is_under_way_is_not_carried_by_it(
    repeat: Repeat, seed: int
) -> None:
    """Its answer is about what it said when it was sent."""

    async def story(world: World) -> None:
        world.network.latency = 2.0
        world.start()
        for number in range(8):
            world.produce(1, repeat=repeat, action=f"n{number}", batch=1)
            await asyncio.sleep(1.0)
        await world.until(lambda: world.foundry.requests == 8)
        world.network.latency = 0.005

    simulate(story, seed=seed, limits=replace(LIMITS, max_in_flight=8))


@pytest.mark.parametrize("repeat", HARMFUL)
def test_rule_8_what_waits_for_another_try_is_handed_over_without_its_claim(repeat: Repeat) -> None:
    """It was certainly not executed: the next owner need not ask, nor write a letter."""

    async def story(world: World) -> None:
        (record,) = world.produce(1, repeat=repeat, conflicts=3)
        first = world.start()
        await world.until(lambda: world.foundry.requests == 3)
        await world.until(lambda: not first.actions.in_flight)
        assert claims_stored(world) == {record[1]}
        await world.stop(first)

        assert not claims_stored(world)
        world.start()
        await world.settled()
        assert not letters_of(world.truth, "unknown")

    simulate(story)


@pytest.mark.parametrize("repeat", HARMFUL)
def test_rule_13_a_lane_waits_too_for_what_a_former_owner_may_have_lost(repeat: Repeat) -> None:
    """Where Foundry may execute something later than a takeover comes."""

    async def story(world: World) -> None:
        world.produce(3, lane="a", repeat=repeat)
        late = LIMITS.request_timeout + LONG_SETTLE - 0.01
        world.foundry.plans.append(Plan(late, LIMITS.request_timeout, NO_ANSWER))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        world.kill(first)
        world.start()
        await world.settled()

    simulate(story, limits=replace(LIMITS, settle_time=LONG_SETTLE))


@pytest.mark.parametrize("repeat", list(Repeat))
def test_rule_17_what_waits_for_a_connection_is_withheld_when_its_partition_is_lost(
    repeat: Repeat,
) -> None:
    """The same process has it again by then, and a lease that is good for the new session alone."""

    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        first.actions.connection_waits.append(5.0)
        world.produce(4, repeat=repeat)
        await world.until(lambda: first.actions.in_flight == 1)
        world.evict(first)
        await world.settled()
        await asyncio.sleep(10)

        assert all(len(effects) == 1 for effects in world.truth.effects_of.values())

    simulate(story)
