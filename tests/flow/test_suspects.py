"""What may have been applied stays suspect through a hand-over, and what finishes late moves no new session."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.errors import Rejected
from consumer.model import Ignored, Prepared, Record, Repeat, Unreadable
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Down, Plan
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

LATEST = LIMITS.request_timeout + LIMITS.settle_time - 0.01
NO_ANSWER = Unknown(Answer("timeout"))


@pytest.mark.parametrize("executed_after", [None, 1.0, LATEST])
def test_rule_7_a_suspect_that_is_handed_over_keeps_its_claim_and_is_read_back_in_time(
    executed_after: float | None,
) -> None:
    """The former owner leaves at once, so that nothing but the next one's patience covers what is lost."""

    async def story(world: World) -> None:
        (record,) = world.produce(repeat=Repeat.ASK)
        world.foundry.plans.append(Plan(executed_after, LIMITS.request_timeout, NO_ANSWER))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        await asyncio.sleep(LIMITS.request_timeout + 0.5)
        await world.stop(first)

        marks = world.marks()
        assert marks is not None
        assert marks.claims == {record[1]}
        world.start()
        await world.settled()
        assert len(world.truth.effects_of[record]) == 1

    simulate(story)


@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize("answered_after", [0.3, 2.0, 12.0])
def test_law_5_what_finishes_after_an_eviction_finishes_into_an_orphan(
    repeat: Repeat, answered_after: float
) -> None:
    """The same process gets the partition again, and the record, while its own request is still alive."""

    async def story(world: World) -> None:
        records = world.produce(4, lane="a", repeat=repeat) + world.produce(4, repeat=repeat)
        first = world.start()
        world.foundry.plans.extend([Plan(0.01, answered_after)] * 2)
        await world.until(lambda: world.foundry.requests == 2)
        world.evict(first)
        await world.settled(within=120)

        if repeat is not Repeat.NEVER:
            assert all(world.truth.executed(record) for record in records)

    simulate(story)


@pytest.mark.parametrize("now", [Repeat.SAFE, Repeat.CREATE])
def test_rule_7_a_suspect_is_not_sent_though_its_contract_says_by_now_that_a_repeat_does_no_harm(
    now: Repeat,
) -> None:
    """What the new contract says is of the new action; the former one may have been applied."""

    async def story(world: World) -> None:
        record, later = world.produce(2, lane="a", repeat=Repeat.NEVER)
        world.foundry.plans.append(Plan(0.1, 10.0))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        await asyncio.sleep(1)
        world.kill(first)
        second = world.start()
        prepare = second.core._prepare  # type: ignore[union-attr]

        def prepare_anew(record: Record | Unreadable) -> Prepared | Ignored | Rejected:
            prepared = prepare(record)
            assert isinstance(prepared, Prepared)
            return replace(prepared, repeat=now)

        second.core._prepare = prepare_anew  # type: ignore[union-attr]
        began = world.loop.time()
        await world.settled()

        assert len(world.truth.effects_of[record]) == 1
        assert letters_of(world.truth, "unknown") == [record]
        assert world.truth.settled[later] >= began + LIMITS.settle_time

    simulate(story)


@pytest.mark.parametrize("repeat", [Repeat.NEVER, Repeat.ASK])
def test_law_6_an_outage_is_not_prolonged_by_what_a_former_owner_left(repeat: Repeat) -> None:
    """Each of them took the place of a probe, and showed nothing: hundreds kept the gate closed for minutes."""

    async def story(world: World) -> None:
        first, second = world.start(), world.start()
        await world.until(lambda: all(p.source.coordination.assigned for p in (first, second)))
        (own,) = first.source.coordination.positions
        (others,) = second.source.coordination.positions
        world.foundry.plans.extend([Plan(None, 15.0, NO_ANSWER)] * 4)
        world.produce(200, partition=others.partition, repeat=repeat)
        await world.until(lambda: second.actions.in_flight == 4)
        world.kill(second)
        world.foundry.downs.append(Down(world.loop.time() + 120, None))
        world.produce(20, partition=own.partition, repeat=repeat)
        await asyncio.sleep(120)
        good = world.produce(5, partition=own.partition, repeat=repeat)
        await world.until(lambda: all(map(world.truth.executed, good)), within=8)

        if repeat is Repeat.NEVER:
            assert len(letters_of(world.truth, "unknown")) >= 50

    simulate(story, partitions=2, limits=replace(LIMITS, max_records=100))
