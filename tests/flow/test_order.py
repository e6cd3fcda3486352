"""What the records of one lane ask for takes effect in their order, whatever befalls their requests."""

from __future__ import annotations

import pytest

from consumer.model import Repeat
from tests.fakes.foundry import Faults
from tests.flow.simulate import simulate
from tests.flow.world import World


@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize("seed", range(5))
def test_law_3_a_lane_keeps_its_order_whatever_befalls_its_records(
    repeat: Repeat, seed: int
) -> None:
    async def story(world: World) -> None:
        world.foundry.faults = Faults(unknown=0.05, broken=0.1, throttled=0.1, slow=0.05)
        lanes = {lane: set[int]() for lane in "abcdefgh"}
        for _ in range(10):
            for lane, offsets in lanes.items():
                conflicts = world.rng.choice((0, 0, 0, 1))
                ((_, offset),) = world.produce(lane=lane, repeat=repeat, conflicts=conflicts)
                offsets.add(offset)
        world.start()
        await world.settled()

        for offsets in lanes.values():
            effects = [effect.coordinate[1] for effect in world.truth.effects]
            mine = [offset for offset in effects if offset in offsets]
            assert mine == sorted(mine)

    simulate(story, seed=seed)
