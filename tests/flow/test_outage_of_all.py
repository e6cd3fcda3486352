"""An outage that all action types meet, few requests each: it closes the gate soon, and costs no person a walk."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.outcomes import Answer, Outage
from tests.fakes.foundry import Down
from tests.fakes.log import Fate
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

TYPES = tuple(f"type-{number}" for number in range(8))
BUSY = Outage(Answer("http_503", status=503), "overloaded", everywhere=True)
GONE = Outage(Answer("connect_timeout"), "unreachable", everywhere=True)
LASTS = 30.0
FEW_LANES = 40


def publish(world: World, number: int, *, bad: int = 0) -> None:
    """So many of each type, of few lanes; and every so often one that is bad, if any is."""
    for each in range(number):
        for action in TYPES:
            lane = f"{action}-{each % FEW_LANES}"
            world.produce(1, action=action, lane=lane, batch=20)
        if bad and each % bad == 0:
            world.produce(1, fate=Fate.INVALID)


@pytest.mark.parametrize("answer", [BUSY, GONE], ids=lambda answer: answer.gate)
def test_law_6_what_all_types_meet_in_turn_closes_the_gate_within_seconds(answer: Outage) -> None:
    """Alone each would have to fail three times, and one request at a time is sent of all of them."""

    async def story(world: World) -> None:
        first = world.start()
        publish(world, 20)
        await world.settled(within=30)
        world.foundry.downs.append(Down(world.loop.time() + LASTS, None, answer=answer))
        publish(world, 200)
        await asyncio.sleep(2.5)

        assert first.watch.gates == [f"closed all {answer.gate}"]
        await world.settled(within=LASTS + 30)
        assert first.watch.gates[-1] == f"opened all {answer.gate}"

    simulate(story)


def test_law_6_an_outage_ends_by_itself_where_some_events_are_bad() -> None:
    """What is read ahead has letters too: who is to pay for them is read ahead beside them."""

    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + LASTS, None, answer=BUSY))
        publish(world, 400, bad=6)
        first = world.start()
        await world.settled(within=LASTS + 60)

        assert not any("letter_budget" in line for line in first.watch.gates)

    simulate(story, burst=10, limits=replace(LIMITS, max_records=2_000))
