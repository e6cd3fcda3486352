"""An operator's skip: past what stands still and no further, and never without a letter."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest

from consumer.dispatch import Dispatch
from consumer.errors import NotAssigned, SkipRefused
from consumer.model import Partition, Repeat
from consumer.outcomes import Answer, Unknown
from consumer.store import Commit
from tests.fakes.foundry import Plan
from tests.fakes.log import Coordinate, Fate
from tests.flow.laws import letters_of
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

CUT = Unknown(Answer("disconnected"))


def dispatch(process: Process) -> Dispatch:
    assert isinstance(process.service, Dispatch)
    return process.service


async def skip(process: Process, coordinate: Coordinate) -> str:
    """Within the process: what it begins there ends with it."""
    context = process.host.context.copy()
    return await asyncio.create_task(dispatch(process).skip(*coordinate), context=context)


def test_a_letter_too_large_for_its_topic_is_given_up_for_its_coordinates() -> None:
    async def story(world: World) -> None:
        _, (partition, offset), _ = (
            world.produce(),
            *world.produce(fate=Fate.INVALID),
            world.produce(3),
        )
        world.letter_box.largest = 1
        process = world.start()
        await asyncio.sleep(60)

        assert partition in process.watch.held_partitions
        assert not world.truth.letters
        named = f"letter for offset {offset} cannot be written"
        assert process.watch.held_partitions[partition].startswith(named)
        for stale in (offset - 1, offset + 1):
            with pytest.raises(SkipRefused, match=f"at offset {stale}: {named}"):
                await dispatch(process).skip(partition, stale)
        world.letter_box.given_up.add((partition, offset))
        said = await dispatch(process).skip(partition, offset)
        await world.settled()

        assert said == f"t/0: the letter for offset {offset} will be written without its content"
        (letter,) = world.truth.letters[partition, offset]
        value = f"t/0/{offset}".encode()
        assert (letter.reason, letter.record.value, letter.record.key) == ("skipped", None, None)
        assert (
            f"a value of {len(value)} bytes with sha256 {sha256(value).hexdigest()}"
            in letter.detail
        )
        assert "`invalid`" in letter.detail

    simulate(story)


def test_a_letter_that_is_not_taken_for_another_reason_is_not_given_up() -> None:
    """An outage of the topic ends: nothing has to be lost over it."""

    async def story(world: World) -> None:
        (coordinate,) = world.produce(fate=Fate.INVALID)
        world.letter_box.down_until = world.loop.time() + 60
        process = world.start()
        await asyncio.sleep(30)

        with pytest.raises(SkipRefused, match="nothing can be skipped at offset 0: letter for"):
            await dispatch(process).skip(*coordinate)
        await world.settled()

        assert {letter.reason for letter in world.truth.letters[coordinate]} == {"invalid"}

    simulate(story)


def test_a_partition_of_somebody_else_is_not_skipped_here() -> None:
    async def story(world: World) -> None:
        process = world.start()
        await asyncio.sleep(5)

        with pytest.raises(NotAssigned, match="other/3 is not assigned here now"):
            await dispatch(process).skip(Partition("other", 3), 0)

    simulate(story)


def test_where_the_metadata_cannot_be_trusted_nothing_is_skipped() -> None:
    """What was claimed is not known: past it lies what may have been applied."""

    async def story(world: World) -> None:
        partition = world.partition(0)
        start = world.log.start(partition)
        world.group.store[partition] = Commit(start, "1.AA.AA.AAAAAA")
        world.produce(2)
        process = world.start()
        await asyncio.sleep(5)

        with pytest.raises(SkipRefused, match="its commit metadata cannot be trusted"):
            await dispatch(process).skip(partition, start)
        await world.stop(process)
        world.group.store[partition] = Commit(start, "")
        world.start()
        await world.settled()

    simulate(story)


def test_what_alone_cannot_be_read_back_is_given_up_by_an_operator() -> None:
    """There is no other read to compare with, so it is asked for ever: only a person can tell."""

    async def story(world: World) -> None:
        process = world.start()
        world.foundry.plans.append(Plan(None, 0.02, CUT))
        ill, *behind = world.produce(3, repeat=Repeat.ASK, lane="ill", batch=1)
        world.foundry.unreadable.add(ill)
        await asyncio.sleep(300)

        why = process.watch.held_partitions[ill[0]]
        assert f"offset {ill[1]} may have been applied, and reading it back fails: http_500" in why
        assert not world.truth.letters
        with pytest.raises(SkipRefused):
            await skip(process, behind[0])
        said = await skip(process, ill)
        await world.settled(within=60)

        assert said == f"t/0: reading back offset {ill[1]} given up, a letter `unknown` records it"
        assert letters_of(world.truth, "unknown") == [ill]
        assert "an operator gave up" in world.truth.letters[ill][0].detail
        assert not world.truth.executed(ill)
        assert all(map(world.truth.executed, behind))
        with pytest.raises(SkipRefused):
            await skip(process, ill)

    simulate(story)


def test_what_is_given_up_goes_through_a_closed_gate_and_past_a_spent_budget() -> None:
    """It says nothing of what is consumed, and nothing of it is sent."""

    async def story(world: World) -> None:
        process = world.start()
        world.foundry.plans.append(Plan(None, 0.02, CUT))
        (ill,) = world.produce(1, repeat=Repeat.ASK, batch=1)
        world.foundry.unreadable.add(ill)
        await asyncio.sleep(300)
        world.produce(2, fate=Fate.INVALID)
        await world.until(process.held)

        await skip(process, ill)
        await world.until(lambda: ill in world.truth.letters, within=5)

    simulate(story, burst=1)


def test_what_is_given_up_while_it_is_read_back_is_a_letter_when_that_ends() -> None:
    """Not even a read that says no has it sent again."""

    async def story(world: World) -> None:
        process = world.start()
        world.foundry.plans.append(Plan(None, 0.02, CUT))
        ill, behind = world.produce(2, repeat=Repeat.ASK, lane="ill", batch=1)
        core = dispatch(process)
        await world.until(lambda: world.foundry.requests == 1)
        await asyncio.sleep(LIMITS.settle_time / 2)
        while not core.in_flight:  # a read is over in hundredths of a second
            await asyncio.sleep(0.001)

        await skip(process, ill)
        await world.settled(within=60)

        assert letters_of(world.truth, "unknown") == [ill]
        assert not world.truth.executed(ill)
        assert world.truth.executed(behind)

    simulate(story)


def test_what_may_still_be_applied_keeps_its_lane_waiting_though_it_is_given_up() -> None:
    """A former owner's request may be on its way until the settle time is over."""

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(12.0, 13.0))
        given_up, behind = world.produce(2, repeat=Repeat.ASK, lane="a", batch=1)
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        world.kill(first)
        heir = world.start()
        await world.until(lambda: bool(dispatch(heir).workload.records))
        (tenure,) = dispatch(heir).workload.all_tenures

        await skip(heir, given_up)
        await world.settled(within=60)

        assert letters_of(world.truth, "unknown") == [given_up]
        assert world.truth.settled[behind] >= tenure.suspects_until

    simulate(story)
