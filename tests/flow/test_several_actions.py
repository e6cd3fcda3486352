"""A record of several actions is handed over whole, or from its beginning: nobody knows how far it came."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

import pytest

from consumer.model import ActionType, Call, Partition, PlainRecord, Prepared, Repeat
from consumer.outcomes import Answer, Conflicted, Unknown
from consumer.state.ledger import Ledger
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload
from consumer.store import Session
from tests.fakes.foundry import Plan
from tests.fakes.log import Coordinate
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, RETRY, World

APPLIED = Plan(0.01, 0.02)
PATIENT = replace(RETRY, maximum=600.0)
BUSY = Plan(None, 0.02, Conflicted(Answer("busy")))


@pytest.mark.parametrize("seed", range(10))
def test_a_record_that_is_applied_in_part_is_finished_before_its_partition_is_handed_over(
    seed: int,
) -> None:
    """The next owner would begin again with its first action."""

    async def story(world: World) -> None:
        busy = Conflicted(Answer("busy", retry_after=8.0))
        applied = Plan(executed_after=0.1, answered_after=0.1)
        refused = Plan(executed_after=None, answered_after=0.1, answer=busy)
        world.foundry.plans.extend([applied, refused])
        (record,) = world.produce(steps=3)
        world.start()
        await world.until(lambda: bool(world.truth.effects_of[record]))
        # Its second action waits to be tried again, for longer than it takes to hear of the rebalance.
        await asyncio.sleep(0.3)
        world.rebalance()
        await world.settled()

    world = simulate(story, seed=seed)

    for effects in world.truth.effects_of.values():
        assert [effect.step for effect in effects] == [0, 1, 2]


def _held(process: Process) -> Collection[Partition]:
    assert process.core is not None
    return process.core.workload.partitions


async def begun_with_its_letter_refused(world: World) -> tuple[Process, Coordinate]:
    """Its first action is applied, its second one is given up, and the letter of that is not taken."""
    world.foundry.plans.extend([APPLIED, APPLIED, *[BUSY] * RETRY.attempts])
    (record,) = world.produce(steps=2, conflicts=1)
    first = world.start()
    world.letter_box.down_until = world.loop.time() + 600
    await asyncio.sleep(30)
    assert "closed t letters_failing" in first.watch.gates
    return first, record


@pytest.mark.parametrize("seed", range(5))
def test_a_drain_hears_that_the_letter_of_what_was_begun_is_taken(seed: int) -> None:
    """It is not a request that ends there: nobody looked again before the drain's own bound."""

    async def story(world: World) -> None:
        first, record = await begun_with_its_letter_refused(world)
        world.letter_box.down_until = began = world.loop.time()
        await world.stop(first)

        assert world.loop.time() - began < 3
        assert record in world.truth.settled

    simulate(story, seed=seed, retry=PATIENT)


@pytest.mark.parametrize("seed", range(5))
def test_a_drain_leaves_what_was_begun_where_its_letter_is_not_taken(seed: int) -> None:
    async def story(world: World) -> None:
        first, record = await begun_with_its_letter_refused(world)
        began = world.loop.time()
        await world.stop(first)

        assert world.loop.time() - began < 3
        assert first.task is not None
        assert first.task.result() is False
        assert f"offset {record[1]} was applied in part" in first.watch.notes[-1]
        world.truth.excuse([record], "it is begun again")

    simulate(story, seed=seed, retry=PATIENT)


def test_a_drain_does_not_wait_for_what_an_operator_keeps_from_going_on() -> None:
    async def story(world: World) -> None:
        broken = Unknown(Answer("http_500", status=500), answered=True, gate="failing")
        world.foundry.plans.extend([APPLIED, Plan(None, 1.0, broken)])
        (record,) = world.produce(steps=2)
        first = world.start()
        await world.until(lambda: bool(world.truth.effects_of[record]))
        await asyncio.sleep(0.5)
        first.pauses_sending()
        await asyncio.sleep(5)
        began = world.loop.time()
        await world.stop(first)

        assert world.loop.time() - began < 3
        world.truth.excuse([record], "it is begun again")

    simulate(story)


def test_law_12_a_stop_that_leaves_a_record_in_part_says_which() -> None:
    """Its exit code says that something is undone; whoever was called has to learn what."""

    async def story(world: World) -> None:
        busy = Plan(None, 0.02, Conflicted(Answer("busy", retry_after=60.0)))
        world.foundry.plans.extend([APPLIED, busy])
        (record,) = world.produce(steps=2)
        first = world.start()
        await world.until(lambda: bool(world.truth.effects_of[record]))
        await asyncio.sleep(0.5)
        await world.stop(first)

        assert first.task is not None
        assert first.task.result() is False
        assert f"offset {record[1]} was applied in part" in first.watch.notes[-1]
        world.truth.excuse([record], "it is begun again")

    simulate(story)


def test_a_stop_after_an_eviction_that_left_a_record_in_part_is_no_success() -> None:
    """Nothing of it was settled, so nothing seemed to be uncommitted; somebody else applies its first action again."""

    async def story(world: World) -> None:
        busy = Plan(None, 0.02, Conflicted(Answer("busy", retry_after=60.0)))
        first, other = world.start(), world.start()
        await world.until(lambda: len(_held(first)) == len(_held(other)) == 1)
        other.pause()
        world.foundry.plans.extend([APPLIED, busy])
        partition = next(iter(_held(first))).partition
        (record,) = world.produce(1, partition=partition, steps=2)
        await world.until(lambda: bool(world.truth.effects_of[record]))
        await asyncio.sleep(3)
        world.evict(first)
        await world.until(lambda: not _held(first))

        await world.stop(first)

        assert first.task is not None
        assert first.task.result() is False

    simulate(story, partitions=2)


def test_what_was_begun_is_forgotten_with_a_partition_that_is_lost() -> None:
    """Remembered, it would keep a drain waiting for what nobody has any more."""
    workload, tenure, entry = _begun_entry()
    workload.advance(entry)

    workload.end([tenure], lost=True)

    assert not workload.begun([tenure])


def _begun_entry() -> tuple[Workload, Tenure, Prepared]:
    """A record of two actions, in somebody's hands."""
    workload = Workload(LIMITS)
    call = Call(ActionType("set"), b"{}")
    entry = Prepared(PlainRecord("t", 0, 0), "e", "set", "a", Repeat.SAFE, (call, call), 1)
    ledger = Ledger(0, max_span=LIMITS.max_span)
    tenure = Tenure(Partition("t", 0), Session("m1", 1), ledger, now=0.0, suspects_until=0.0)
    entry.tenure = tenure
    workload.took(entry.size)
    workload.lanes.add(entry)
    (group,) = workload.lanes.turns()
    group.take()
    return workload, tenure, entry


def test_a_partition_that_is_over_keeps_nothing_of_a_record_that_is_applied_in_part() -> None:
    """Its next action stood in its lane until somebody took it: behind a closed gate, for as long as that."""
    workload, tenure, entry = _begun_entry()

    workload.end([tenure], lost=True)
    workload.advance(entry)

    assert not workload.begun([tenure])
    assert (workload.records, len(workload.lanes)) == (0, 0)


@pytest.mark.parametrize("seed", range(5))
def test_a_request_that_outlives_its_session_is_waited_for_where_nothing_is_assigned(
    seed: int,
) -> None:
    """Its partition was forgotten, so there was nothing to drain: the group was left with the request alive."""

    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.coordination.assigned)
        world.foundry.plans += [
            Plan(11.4, 11.5),
            Plan(4.9, 5.0),
            Plan(None, 11.9, Unknown(Answer("timeout"))),
        ]
        (record,) = world.produce(steps=3)
        world.truth.excuse([record] * 2, "it is begun again")
        await asyncio.sleep(1.5)
        world.rebalance()
        await world.until(lambda: not first.source.coordination.assigned)
        first.source.lose_next_answers.append(None)
        await asyncio.sleep(60)

        assert len(world.memberships.all) > 1, "it was never renewed"

    simulate(story, seed=seed, limits=replace(LIMITS, request_timeout=12.0))
