"""Letters of partitions that go to another owner: none waits on, and none is paid for where it is not written."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.fakes.foundry import Plan
from tests.fakes.log import Fate
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import RETRY, World

PATIENT = replace(RETRY, initial=300.0, maximum=300.0)


async def evicted(world: World, process: Process) -> None:
    """Until it is a member again."""
    coordination = process.source.coordination
    before = coordination.membership
    world.group.evict(coordination.member)
    await world.until(lambda: coordination.membership is not before)


def test_a_letter_that_waits_for_another_try_does_not_outlast_its_session() -> None:
    """The same process has the partition again, and the lane stood still until that wait was over. Nor is it written."""

    async def story(world: World) -> None:
        process = world.start()
        await asyncio.sleep(1)
        world.letter_box.largest = 0
        (bad,) = world.produce(lane="a", fate=Fate.POISON)
        world.produce(lane="a")
        await world.until(lambda: bool(process.watch.held_partitions))
        world.letter_box.largest = 1_000
        await evicted(world, process)
        await world.settled(within=5)

        assert len(world.truth.letters[bad]) == 1

    simulate(story, retry=PATIENT)


def test_a_letter_is_not_slept_over_in_the_drain_of_another_partition() -> None:
    """It was woken by that drain, saw that it was not meant, and then slept through its own."""

    async def story(world: World) -> None:
        process = world.start()
        await asyncio.sleep(1)
        world.letter_box.largest = 0
        world.produce(fate=Fate.POISON)
        await world.until(lambda: bool(process.watch.held_partitions))
        world.foundry.plans.append(Plan(0.1, 14.0))
        world.produce(partition=1)
        await world.until(lambda: bool(process.actions.in_flight))
        assert process.core is not None
        assert process.core._parts is not None
        sessions, context = process.core._parts.sessions, process.host.context.copy()
        other = asyncio.create_task(sessions.revoked([world.partition(1)]), context=context)
        await asyncio.sleep(1)
        began = world.loop.time()
        await asyncio.create_task(sessions.revoked([world.partition(0)]), context=context)

        assert world.loop.time() - began < 3
        world.letter_box.largest = 1_000
        await other
        await world.stop(process)

    simulate(story, partitions=2, retry=PATIENT)


def test_a_letter_that_is_left_to_the_next_owner_is_not_paid_for() -> None:
    async def story(world: World) -> None:
        process = world.start()
        await asyncio.sleep(1)
        world.foundry.plans.append(Plan(0.1, 14.0))
        (bad,) = world.produce(lane="a", fate=Fate.POISON)
        await world.until(lambda: bool(process.actions.in_flight))
        await evicted(world, process)
        await world.until(lambda: bool(world.truth.letters[bad]), within=60)

        assert not process.watch.gates

    simulate(story, burst=1)
