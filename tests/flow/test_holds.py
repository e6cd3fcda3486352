"""A lane that waits for what may still take effect waits for just that long, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.errors import Rejected
from consumer.model import Ignored, Prepared, Record, Repeat, Unreadable
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Plan
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

LOST = Unknown(Answer("timeout"))


def test_a_lane_goes_on_when_its_wait_is_over_however_much_there_is_to_do() -> None:
    """Under a backlog no slot ever finds nothing: nobody came to see whose time it was."""

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(None, 0.02, LOST))
        _, later = world.produce(2, lane="a", batch=1)
        world.start()
        await world.until(lambda: world.foundry.requests == 1)
        over = world.loop.time() + LIMITS.settle_time
        while world.loop.time() < over + 5:
            world.produce(12, batch=1)
            await asyncio.sleep(0.1)

        (effect,) = world.truth.effects_of[later]
        assert over - 1 <= effect.at <= over + 3

    simulate(story, limits=replace(LIMITS, max_in_flight=1, max_records=20))


def test_a_lane_waits_on_though_a_record_of_another_partition_came_first_in_it() -> None:
    """The former owner said that some lane of the partition waits; whose head was busy did not."""

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(None, 0.02, LOST))
        world.produce(1, lane="a")
        first = world.start()
        await world.settled()
        await world.stop(first)
        world.foundry.plans.append(Plan(0.5, 3.0))
        world.produce(1, partition=1, lane="a")
        second = world.start()
        await world.until(lambda: second.actions.in_flight == 1)
        began = world.loop.time()
        (later,) = world.produce(1, lane="a")
        await world.settled()

        assert world.truth.settled[later] >= began + LIMITS.settle_time - 1

    simulate(story, partitions=2)


def test_a_lane_waits_on_though_its_session_ended_without_a_word_to_the_next() -> None:
    """The last commit was to say it, and was not stored; the process knows it all the same."""
    patient = replace(LIMITS, settle_time=60.0)

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(59.0, 0.02, LOST))
        _, later = world.produce(2, lane="a")
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        over = world.loop.time() + patient.settle_time
        first.source.lose_next_answers.extend([None, None])
        await world.settled()

        assert first.source.coordination.member == "m2"
        assert world.truth.settled[later] >= over

    simulate(story, limits=patient)


def test_a_lane_waits_on_at_the_next_owners_though_something_was_left_in_part() -> None:
    """The group is left at once all the same: nothing but the word of the last commit covers what was lost."""
    patient = replace(LIMITS, settle_time=60.0)

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(59.0, 0.02, LOST))
        lost, later = world.produce(2, lane="a")
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        over = world.loop.time() + patient.settle_time
        await world.until(lambda: lost in world.truth.settled)
        failed = Unknown(Answer("http_500", status=500), answered=True, gate="failing")
        world.foundry.plans.extend([Plan(0.01, 0.02), Plan(None, 1.0, failed)])
        (begun,) = world.produce(1, steps=2)
        await world.until(lambda: bool(world.truth.effects_of[begun]))
        first.pauses_sending()
        await asyncio.sleep(2)
        await world.stop(first)
        world.truth.excuse([begun], "it is begun again")
        marks = world.marks()
        assert marks is not None
        assert not marks.drained
        world.start()
        await world.settled()

        assert world.truth.settled[later] >= over

    simulate(story, limits=patient)


def test_no_lane_waits_at_the_next_owners_for_a_record_without_one() -> None:
    """Nothing comes after it, so nothing can be overtaken: every lane of the partition would wait in vain."""
    patient = replace(LIMITS, settle_time=60.0)

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(None, 0.02, LOST))
        world.produce(1, lane=None)
        first = world.start()
        await world.settled()
        await world.stop(first)
        (later,) = world.produce(1, lane="a")
        began = world.loop.time()
        world.start()
        await world.settled()

        assert world.truth.settled[later] < began + patient.settle_time / 2

    simulate(story, limits=patient)


@pytest.mark.parametrize("lane", [None, "a"])
def test_a_records_next_action_waits_for_what_may_still_take_effect_too(lane: str | None) -> None:
    """Its first action was sent again at once and applied; the lost attempt took effect after the second one."""

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(5.0, 0.02, LOST))
        (record,) = world.produce(1, lane=lane, steps=2)
        world.start()
        await world.settled()
        await asyncio.sleep(LIMITS.settle_time)

        assert [effect.step for effect in world.truth.effects_of[record]] == [0, 0, 1]

    simulate(story)


@pytest.mark.parametrize("now", ["gone", "ignored"])
def test_all_lanes_wait_for_a_claimed_record_whose_lane_is_not_known_any_more(now: str) -> None:
    """Retention took it, or its contract ignores it by now: what came next in its lane went ahead of it."""

    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.coordination.assigned)
        latest = LIMITS.request_timeout + LIMITS.settle_time - 0.01
        world.foundry.plans.append(Plan(latest, LIMITS.request_timeout, LOST))
        (claimed,) = world.produce(lane="a", repeat=Repeat.NEVER)
        await world.until(lambda: world.foundry.requests == 1)
        await asyncio.sleep(LIMITS.request_timeout - 0.1)
        world.kill(first)
        world.group.evict(first.source.coordination.member)
        if now == "gone":
            world.log.trim(world.partition(0), claimed[1] + 1)
        (later,) = world.produce(lane="a", repeat=Repeat.NEVER)
        second = world.start()
        assert second.core is not None
        prepare = second.core._prepare

        def prepare_anew(record: Record | Unreadable) -> Prepared | Ignored | Rejected:
            return prepare(record) if record.offset == later[1] else Ignored("by now")

        second.core._prepare = prepare_anew
        await world.settled()

        assert letters_of(world.truth, "unknown") == [claimed]
        assert world.truth.executed(later)

    simulate(story)
