"""A record of several actions is handed over whole, or from its beginning: nobody knows how far it came."""

from __future__ import annotations

import asyncio

import pytest

from consumer.outcomes import Answer, Conflicted
from tests.fakes.foundry import Plan
from tests.flow.simulate import simulate
from tests.flow.world import World


@pytest.mark.parametrize("seed", range(10))
def test_a_record_that_is_applied_in_part_is_finished_before_its_partition_is_handed_over(
    seed: int,
) -> None:
    """The next owner would begin again with its first action."""

    async def story(world: World) -> None:
        busy = Conflicted(Answer("busy", retry_after=8.0))
        applied = Plan(executed_after=0.1, answered_after=0.1)
        refused = Plan(executed_after=None, answered_after=0.1, answer=busy)
        world.foundry.plans.extend([applied, refused])
        (record,) = world.produce(steps=3)
        world.start()
        await world.until(lambda: bool(world.truth.effects_of[record]))
        # Its second action waits to be tried again, for longer than it takes to hear of the rebalance.
        await asyncio.sleep(0.3)
        world.rebalance()
        await world.settled()

    world = simulate(story, seed=seed)

    for effects in world.truth.effects_of.values():
        assert [effect.step for effect in effects] == [0, 1, 2]
