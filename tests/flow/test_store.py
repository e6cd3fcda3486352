"""What stands in the store, and in the log, when a process begins."""

from __future__ import annotations

import asyncio

import pytest

from consumer.model import Repeat
from consumer.state.offset_codec import decode, encode
from consumer.store import Commit
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
        assert first.task is not None
        assert first.task.result() is True  # nothing of it was begun, so nothing was left undone
        world.group.store[world.partition(0)] = Commit(start, "")
        world.start()
        await world.settled()

    simulate(story, partitions=2)


@pytest.mark.parametrize("gap", [0, 1])
def test_what_a_former_owner_did_is_passed_in_the_store_too(gap: int) -> None:
    """Where nothing else comes the group's offset stood still, as a lag that nobody works off."""

    async def story(world: World) -> None:
        partition = world.partition(0)
        start = world.log.start(partition)
        world.log.leave_gap(partition, gap)
        done = ((1 << 3) - 1) << gap
        world.group.store[partition] = Commit(start, encode(done, 0, drained=False))
        world.start()
        await asyncio.sleep(5)  # a commit says what was found
        for record in world.produce(3):
            world.truth.settle(record, "ignored")
        await asyncio.sleep(5)

        assert world.group.store[partition].offset == start + gap + 3

    simulate(story)


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


OTHER_TOPIC = "zzzzzzzzzzzzzzzzzzzzzw"


def test_an_offset_of_another_topic_of_that_name_stops_the_partition_and_is_kept() -> None:
    """What the new one has before that offset would be left out."""

    async def story(world: World) -> None:
        partition = world.partition(0)
        world.produce(6, repeat=Repeat.NEVER)
        start = world.log.start(partition)
        metadata = encode(0, 0, drained=True, topic_id=OTHER_TOPIC)
        world.group.store[partition] = Commit(start + 3, metadata)
        first = world.start()
        await asyncio.sleep(30)

        assert f"committed for topic id {OTHER_TOPIC}" in first.watch.held_partitions[partition]
        assert not world.truth.effects
        assert world.group.store[partition].metadata == metadata
        await world.stop(first)
        world.group.store[partition] = Commit(start, "")  # as Kafka's own tool resets it
        world.start()
        await world.settled()

    simulate(story)


@pytest.mark.parametrize("told", ["AAAAAAAAAAAAAAAAAAAAAA", None])
def test_an_offset_without_a_topic_is_taken_and_the_next_commit_names_it(told: str | None) -> None:
    """Of an earlier release, or of a broker that tells no ids: what was known once is kept."""

    async def story(world: World) -> None:
        partition = world.partition(0)
        start = world.log.start(partition)
        stored = encode(0, 0, drained=True, topic_id=None if told else OTHER_TOPIC)
        world.log.topic_id = told
        world.group.store[partition] = Commit(start, stored)
        world.produce(3)
        world.start()
        await world.settled()
        await asyncio.sleep(3)  # a commit

        known = decode(world.group.store[partition].metadata)
        assert known is not None
        assert known.topic_id == (told or OTHER_TOPIC)

    simulate(story)
