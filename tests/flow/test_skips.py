"""An operator's skip: past what stands still and no further, and never without a letter."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest

from consumer.dispatch import Dispatch
from consumer.errors import NotAssigned, SkipRefused
from consumer.model import Partition
from consumer.store import Commit
from tests.fakes.log import Fate
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import World


def dispatch(process: Process) -> Dispatch:
    assert isinstance(process.service, Dispatch)
    return process.service


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
        for stale in (offset - 1, offset + 1):
            with pytest.raises(SkipRefused):
                await dispatch(process).skip(partition, stale)
        world.letter_box.given_up.add((partition, offset))
        said = await dispatch(process).skip(partition, offset)
        await world.settled()

        assert said == f"t/0: content of offset {offset} given up, at the next try of its letter"
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

        with pytest.raises(SkipRefused, match="does not stand still"):
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
