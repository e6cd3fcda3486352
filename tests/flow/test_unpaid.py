"""Letters that wait for what others will pay: who waits for them himself pays nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Plan
from tests.fakes.log import Fate
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World


def test_law_12_what_waits_behind_a_letter_in_its_lane_does_not_pay_for_it() -> None:
    """It was counted on: nothing was sent any more, the gate was open, and nobody was told."""

    async def story(world: World) -> None:
        world.produce(lane="a", fate=Fate.POISON)
        first = world.start()
        await world.settled()
        world.produce(lane="a", fate=Fate.POISON)
        world.produce(200, lane="a")
        await asyncio.sleep(30)

        assert first.watch.gates == ["closed all letter_budget"]
        await world.settled(resumed=True)

    simulate(story, burst=1, ratio=0.05)


def test_law_12_what_waits_behind_a_letter_that_is_not_taken_does_not_pay_for_another() -> None:
    async def story(world: World) -> None:
        world.produce(10)
        first = world.start()
        await world.settled()
        world.letter_box.largest = len("t/1/0")
        world.produce(lane="a", fate=Fate.POISON)
        world.produce(200, lane="a")
        await world.until(lambda: bool(first.watch.held_partitions))
        world.produce(1, partition=1, fate=Fate.INVALID)
        await asyncio.sleep(30)

        assert "closed all letter_budget" in first.watch.gates
        world.letter_box.largest = 1_000_000
        await world.settled(resumed=True)

    simulate(story, burst=1, ratio=0.05, partitions=2)


def test_law_12_what_is_too_far_ahead_of_a_letter_does_not_pay_for_it() -> None:
    async def story(world: World) -> None:
        world.produce(fate=Fate.POISON)
        first = world.start()
        await world.settled()
        world.produce(fate=Fate.POISON)
        world.produce(200)
        await asyncio.sleep(30)

        assert first.watch.gates == ["closed all letter_budget"]
        await world.settled(resumed=True)

    simulate(story, burst=1, ratio=0.05, limits=replace(LIMITS, max_span=10))


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.NEVER])
def test_who_waits_for_nobody_pays_for_a_letter_and_nobody_has_to_come(repeat: Repeat) -> None:
    async def story(world: World) -> None:
        world.produce(fate=Fate.POISON)
        first = world.start()
        await world.settled()
        world.produce(lane="a", fate=Fate.POISON, repeat=repeat)
        world.produce(5, lane="a", repeat=repeat)
        world.produce(30, repeat=repeat)
        await world.settled(within=60)

        assert not first.watch.gates

    simulate(story, burst=1, ratio=0.05)


def test_law_12_what_another_session_left_in_hand_does_not_pay_for_a_letter() -> None:
    """It was counted on, ended without a success, and nobody counted again."""

    async def story(world: World) -> None:
        world.produce(fate=Fate.POISON)
        first = world.start()
        await world.settled()
        lost = Unknown(Answer("timeout"))
        world.foundry.plans.extend([Plan(None, LIMITS.request_timeout, lost)] * 2)
        world.produce(40, action="slow")
        await world.until(lambda: first.actions.in_flight == 2)
        world.evict(first)
        await world.until(lambda: not first.source.coordination.assigned)
        world.produce(3, fate=Fate.POISON)
        await asyncio.sleep(60)

        assert first.watch.gates == ["closed all letter_budget"]
        await world.settled(resumed=True)

    simulate(story, burst=1, ratio=0.05)
