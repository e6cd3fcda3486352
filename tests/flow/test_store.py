"""What stands in the store, and in the log, when a process begins."""

from __future__ import annotations

import asyncio

import pytest

from consumer.model import Commit, Repeat
from consumer.state.offset_codec import encode
from tests.fakes.foundry import Plan
from tests.flow.simulate import simulate
from tests.flow.world import World


@pytest.mark.parametrize(
    "metadata", ["2.x.y.z", "1.AA.AA.AAAAAA", encode(1, 2, drained=False)[:-1]]
)
def test_rule_6_metadata_that_cannot_be_trusted_stops_the_partition(metadata: str) -> None:
    async def story(world: World) -> None:
        world.produce(3, repeat=Repeat.NEVER)
        world.produce(3, partition=1)
        start = world.log.start(world.partition(0))
        world.group.store[world.partition(0)] = Commit(start, metadata)
        first = world.start()
        await asyncio.sleep(30)

        assert world.partition(0) in first.watch.held_partitions
        assert not any(effect.coordinate[0] == world.partition(0) for effect in world.truth.effects)
        assert world.group.store[world.partition(0)].metadata == metadata
        await world.stop(first)
        world.group.store[world.partition(0)] = Commit(start, "")
        world.start()
        await world.settled()

    simulate(story, partitions=2)


@pytest.mark.parametrize("metadata", ["", "somebody else's note"])
def test_rule_6_an_offset_that_somebody_else_set_is_taken_and_noted(metadata: str) -> None:
    async def story(world: World) -> None:
        records = world.produce(4, repeat=Repeat.NEVER)
        second = records[2][1]
        for record in records[:2]:
            world.truth.settle(record, "ignored")
        world.group.store[world.partition(0)] = Commit(second, metadata)
        first = world.start()
        await world.settled()

        assert not world.truth.letters
        assert len(world.truth.effects) == 2
        assert bool(first.watch.notes) == bool(metadata)

    simulate(story)


@pytest.mark.parametrize("repeat", [Repeat.NEVER, Repeat.ASK])
def test_rule_7_a_claimed_record_that_the_log_has_no_more_is_a_letter(repeat: Repeat) -> None:
    async def story(world: World) -> None:
        (record,) = world.produce(repeat=repeat)
        world.foundry.plans.append(Plan(1.0, 10.0))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        world.kill(first)
        world.produce(3)
        world.log.trim(world.partition(0), record[1] + 1)
        world.start()
        await world.settled()

        (letter,) = world.truth.letters[record]
        assert letter.reason == "unknown"
        assert letter.record.value is None

    simulate(story)


def test_gaps_in_the_log_do_not_hold_the_watermark() -> None:
    async def story(world: World) -> None:
        world.produce(2)
        world.log.leave_gap(world.partition(0), 20_000)
        world.produce(2)
        world.log.leave_gap(world.partition(0), 3)
        world.start()
        await world.settled()
        await world.until(
            lambda: (
                (marks := world.marks()) is not None
                and marks.offset == world.log.end(world.partition(0))
            ),
            within=10,
        )

    simulate(story)
