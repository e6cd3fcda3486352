"""What counts against one record that fails, and how soon it is tried again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Conflicted, Unknown
from tests.fakes.foundry import Down, Plan
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, RETRY, World

FAILED = Unknown(Answer("http_500", status=500), answered=True, gate="failing")
CONFLICT = Plan(None, 0.02, Conflicted(Answer("ObjectChanged", status=409)))
TWICE = replace(RETRY, attempts=2)


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.CREATE, Repeat.ASK])
def test_law_6_what_is_charged_in_company_makes_no_letter_in_an_outage(repeat: Repeat) -> None:
    """All tries that are allowed were spent on conflicts of the batch: the outage that comes then is nobody's fault."""

    async def story(world: World) -> None:
        world.foundry.plans += [CONFLICT, Plan(0.1, 10.0), CONFLICT]
        world.start()
        await asyncio.sleep(1)
        world.produce(2, repeat=repeat)
        await world.until(lambda: world.foundry.requests == 1)
        world.produce(action="other")  # so that both are due before there is a place for them
        await world.until(lambda: world.foundry.requests == 3)
        world.foundry.downs.append(Down(world.loop.time() + 60, None, answer=FAILED))
        await asyncio.sleep(60)

        assert not world.truth.letters

    simulate(story, retry=TWICE, limits=replace(LIMITS, max_in_flight=1))


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.CREATE, Repeat.ASK])
def test_a_good_record_is_no_letter_for_what_befell_it_in_company(repeat: Repeat) -> None:
    """Both had one try left, and went together: of `ask` the good one became a letter beside the ill one."""

    async def story(world: World) -> None:
        others = Repeat.CREATE if repeat is Repeat.SAFE else Repeat.SAFE
        world.foundry.plans += [CONFLICT, Plan(0.1, 10.0)]
        world.start()
        await asyncio.sleep(1)
        world.produce(1, repeat=repeat)
        (ill,) = world.produce(1, repeat=repeat)
        await world.until(lambda: world.foundry.requests == 1)
        world.produce(action="other")  # so that both are due before there is a place for them
        await world.until(lambda: world.foundry.requests == 2)
        world.log.specs[ill] = replace(world.log.specs[ill], ill=FAILED)
        for _ in range(30):
            world.produce(1, repeat=others)
            await asyncio.sleep(1)

        assert letters_of(world.truth, "exhausted") == [ill]

    simulate(story, retry=TWICE, limits=replace(LIMITS, max_in_flight=1))


def test_law_6_what_is_charged_for_its_action_waits_for_an_outage_of_reads() -> None:
    async def story(world: World) -> None:
        world.start()
        await asyncio.sleep(1)
        (ill,) = world.produce(repeat=Repeat.ASK, ill=FAILED)
        await world.until(lambda: ill in world.truth.failing_since)
        world.produce(repeat=Repeat.ASK)
        await world.until(lambda: bool(world.truth.effects))
        failed = world.foundry.requests
        await world.until(lambda: world.foundry.requests > failed)
        world.foundry.reads_down_until = world.loop.time() + 60
        await asyncio.sleep(58)
        assert not world.truth.letters
        await world.settled(within=60)

        assert letters_of(world.truth, "exhausted") == [ill]

    simulate(story, retry=TWICE, shuffled=False)


def test_what_fails_late_is_no_letter_where_the_partition_is_lost() -> None:
    """Its next owner has it, and applied it: an operator who redrives such a letter puts an old value over a new one."""

    async def story(world: World) -> None:
        process = world.start()
        await asyncio.sleep(1)
        hangs = Plan(None, 14.0, Unknown(Answer("timeout"), gate="timeouts"))
        world.foundry.plans += [Plan(None, 0.02, FAILED), hangs]
        (late,) = world.produce()
        await world.until(lambda: world.foundry.requests == 2)
        coordination = process.source.coordination
        world.group.evict(coordination.member)
        evicted = coordination.membership
        await world.until(lambda: coordination.membership is not evicted)
        await world.settled()
        await asyncio.sleep(20)

        assert world.truth.executed(late)
        assert not world.truth.letters

    simulate(story, retry=TWICE)


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.CREATE, Repeat.ASK])
def test_one_that_fails_alone_is_tried_ever_more_slowly(repeat: Repeat) -> None:
    """Others fared well before, so the gate stays open: of `ask` each answer brought a read and another try at once."""

    async def story(world: World) -> None:
        process = world.start()
        await asyncio.sleep(1)
        world.produce(repeat=repeat, ill=FAILED)
        for _ in range(3):
            await asyncio.sleep(0.2)
            world.produce(repeat=repeat)
        await asyncio.sleep(20)
        before = world.foundry.requests
        await asyncio.sleep(60)

        assert 1 <= world.foundry.requests - before < 20
        assert not process.watch.gates

    simulate(story, retry=replace(RETRY, maximum=30.0))
