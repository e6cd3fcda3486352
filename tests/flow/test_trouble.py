"""What Foundry and the dead-letter topic can do to a record, and what becomes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from math import log2

import pytest

from consumer.errors import GateReason
from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Down, Faults, Plan
from tests.fakes.log import Fate
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

# An outage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [None, "set"])
@pytest.mark.parametrize("seconds", [5.0, 600.0])
def test_law_6_an_outage_makes_no_letters_and_ends_by_itself(
    action: str | None, seconds: float
) -> None:
    async def story(world: World) -> None:
        gate: GateReason = "unreachable" if action is None else "failing"
        world.foundry.downs.append(Down(world.loop.time() + seconds, action, gate=gate))
        world.produce(50, action="set", batch=1)
        other = world.produce(5, action="other")
        first = world.start()
        await asyncio.sleep(seconds)
        assert all(world.truth.executed(record) for record in other) == (action is not None)
        await world.settled(within=60)

        assert not world.truth.letters
        assert first.watch.gates[0].startswith("closed")
        assert first.watch.gates[-1].startswith("opened")

    simulate(story)


def test_law_6_a_closed_gate_asks_rarely() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 3_600, None))
        world.produce(50, batch=1)
        world.start()
        await asyncio.sleep(60)
        before = world.foundry.requests
        await asyncio.sleep(600)

        assert 1 <= world.foundry.requests - before <= 600

    simulate(story)


@pytest.mark.parametrize("repeat", [Repeat.NEVER, Repeat.ASK])
def test_law_6_what_harms_is_not_sent_into_an_outage_to_see_whether_it_is_over(
    repeat: Repeat,
) -> None:
    async def story(world: World) -> None:
        down = Down(world.loop.time() + 300, None, unknown=1.0)
        world.foundry.downs.append(down)
        world.produce(30, repeat=repeat, batch=1)
        world.start()
        await world.settled()

        # Those that were on the way when it began may be unknown, and no others.
        assert len(letters_of(world.truth, "unknown")) <= LIMITS.max_in_flight

    simulate(story)


def test_law_6_a_record_that_fails_while_others_fare_well_is_a_letter() -> None:
    async def story(world: World) -> None:
        (stubborn,) = world.produce(1, conflicts=1_000)
        world.start()
        for _ in range(60):
            world.produce(1)
            await asyncio.sleep(1)
        await world.settled()

        assert letters_of(world.truth, "exhausted") == [stubborn]

    simulate(story)


@pytest.mark.parametrize("kind", ["unknown", "broken", "throttled", "slow"])
@pytest.mark.parametrize("share", [0.2, 0.9])
def test_records_survive_a_foundry_that_answers_badly(kind: str, share: float) -> None:
    async def story(world: World) -> None:
        world.foundry.faults = replace(Faults(), **{kind: share})
        for repeat in Repeat:
            world.produce(8, lane="a", repeat=repeat, action=repeat.value)
            world.produce(8, repeat=repeat, action=repeat.value)
        world.start()
        await asyncio.sleep(120)

    for seed in range(3):
        simulate(story, seed=seed)


# Batches -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeat", list(Repeat))
def test_a_refused_batch_is_split_until_the_guilty_one_is_alone(repeat: Repeat) -> None:
    async def story(world: World) -> None:
        good = world.produce(13, repeat=repeat)
        guilty = world.produce(1, repeat=repeat, fate=Fate.POISON)
        good += world.produce(6, repeat=repeat)
        world.start()
        await world.settled()

        assert letters_of(world.truth, "rejected") == guilty
        assert all(len(world.truth.effects_of[record]) == 1 for record in good)
        assert world.foundry.requests <= 12

    simulate(story, limits=replace(LIMITS, max_in_flight=1))


@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize("bad", [1, 2, 20])
def test_a_batch_with_bad_actions_costs_few_requests_and_each_good_one_is_applied_once(
    bad: int, repeat: Repeat
) -> None:
    async def story(world: World) -> None:
        fates = [Fate.POISON] * bad + [Fate.GOOD] * (20 - bad)
        world.rng.shuffle(fates)
        records = [world.produce(1, repeat=repeat, fate=fate)[0] for fate in fates]
        world.start()
        await world.settled()

        guilty = [
            record for record, fate in zip(records, fates, strict=True) if fate is Fate.POISON
        ]
        assert sorted(letters_of(world.truth, "rejected")) == guilty
        assert all(len(world.truth.effects_of[r]) == 1 for r in records if r not in guilty)
        assert world.foundry.requests <= min(39, 2 * bad * log2(20) + 2)

    for seed in range(6):
        simulate(story, seed=seed, limits=replace(LIMITS, max_in_flight=1))


@pytest.mark.parametrize("named", [True, False])
def test_a_batch_that_is_too_large_is_sent_in_parts(named: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async def story(world: World) -> None:
        world.foundry.largest_batch, world.foundry.names_largest_batch = 6, named
        world.produce(40, repeat=Repeat.NEVER)
        world.start()
        await world.settled()

        assert not world.truth.letters

    simulate(story)


def test_full_batches_are_sent_under_load() -> None:
    async def story(world: World) -> None:
        world.produce(400)
        world.start()
        await world.settled()

        assert world.foundry.requests <= 400 / LIMITS.batch_size + 2

    simulate(story)


def test_what_exists_already_counts_as_created() -> None:
    async def story(world: World) -> None:
        records = world.produce(5, repeat=Repeat.CREATE)
        lost = Unknown(Answer("timeout"))
        world.foundry.plans.append(Plan(1.0, LIMITS.request_timeout, lost))
        world.start()
        await world.settled()

        assert not world.truth.letters
        assert all(len(world.truth.effects_of[record]) == 1 for record in records)

    simulate(story)


@pytest.mark.parametrize("seed", range(8))
def test_actions_of_one_record_are_sent_in_turn_and_not_again_after_a_failure(seed: int) -> None:
    async def story(world: World) -> None:
        world.foundry.faults = Faults(throttled=0.4)
        records = world.produce(6, steps=3, lane="a")
        world.start()
        await world.settled()

        for record in records:
            assert [effect.step for effect in world.truth.effects_of[record]] == [0, 1, 2]

    simulate(story, seed=seed)


# Letters -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        (Fate.INVALID, "invalid"),
        (Fate.BUG, "internal"),
        (Fate.UNREADABLE, "unreadable"),
        (Fate.POISON, "rejected"),
    ],
)
def test_a_record_at_fault_is_a_letter_and_the_others_go_on(fate: Fate, reason: str) -> None:
    async def story(world: World) -> None:
        world.produce(3, lane="a")
        faulty = world.produce(2, lane="a", fate=fate)
        world.produce(3, lane="a")
        world.start()
        await world.settled()

        assert sorted(letters_of(world.truth, reason)) == faulty
        assert len(world.truth.effects) == 6

    simulate(story)


def test_law_1_a_letter_that_is_not_taken_holds_its_partition_and_no_other() -> None:
    async def story(world: World) -> None:
        world.letter_box.down_until = world.loop.time() + 120
        world.produce(1, fate=Fate.INVALID)
        world.produce(3)
        world.produce(3, partition=1)
        first = world.start()
        await asyncio.sleep(100)

        marks = world.marks(0)
        assert marks is None or marks.offset <= world.log.offsets(world.partition(0))[0]
        assert world.partition(0) in first.watch.held_partitions
        assert world.truth.first_unsettled(world.partition(1)) == world.log.end(world.partition(1))
        world.kill(first)
        world.start()
        await world.settled()

    simulate(story, partitions=2)


# Limits ------------------------------------------------------------------------------------------


def test_law_11_no_more_records_are_read_than_the_limit_allows() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 60, None))
        world.produce(500)
        first = world.start()
        await asyncio.sleep(50)

        assert (
            0
            < first.source.position(world.partition(0)) - world.log.start(world.partition(0))
            <= 50
        )

    simulate(story, limits=replace(LIMITS, max_records=50))


def test_law_11_a_stuck_record_stops_its_partition_at_the_end_of_the_span() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 200, "stuck"))
        world.produce(1, action="stuck")
        world.produce(100)
        elsewhere = world.produce(100, partition=1)
        world.start()
        await asyncio.sleep(100)

        marks = world.marks(0)
        assert marks is not None
        assert max(marks.done) < marks.offset + 40
        assert all(world.truth.executed(record) for record in elsewhere)
        await world.settled()

    simulate(story, partitions=2, limits=replace(LIMITS, max_span=40))
