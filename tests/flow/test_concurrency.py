"""Foundry takes so many requests at one time: the service finds out how many, and loses nothing by asking."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumer.dispatch import Dispatch
from tests.fakes.capacity import Capacity
from tests.fakes.log import Coordinate
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

# Thousands of requests, one by one: seconds on an idle machine, and more than pytest's usual bound on a busy one.
pytestmark = pytest.mark.timeout(180)

MOST = 160
ROOMY = replace(LIMITS, max_in_flight=MOST, max_records=12_000, max_bytes=100_000_000)


def begin(world: World, capacity: Capacity | None, records: int, **spec: Any) -> Process:
    """A process with so much to do, one record in a request, and connections that stand."""
    world.foundry.capacity = capacity
    world.produce(records, batch=1, **spec)
    process = world.start()
    process.actions.connection_waits = [0.0] * (records * 3)
    return process


def limit(process: Process) -> int:
    assert isinstance(process.service, Dispatch)
    return process.service.concurrency_limit


def about(seconds: float) -> Callable[[Sequence[Coordinate]], float]:
    """Requests do not take equally long."""
    chance = random.Random(7)
    return lambda _: chance.uniform(0.5 * seconds, 1.5 * seconds)


async def goodput(world: World, capacity: Capacity, seconds: float) -> float:
    """In the next seconds, as a share of what somebody gets who knows the limit."""
    start = world.loop.time()
    await asyncio.sleep(seconds)
    return capacity.worked(start, start + seconds) / (capacity.admits * seconds)


@pytest.mark.parametrize("retry_after", [None, 0.0, 1.0, 30.0])
@pytest.mark.parametrize("admits", [1, 10, pytest.param(100, marks=pytest.mark.slow)])
def test_goodput_is_that_of_who_knows_the_limit(admits: int, retry_after: float | None) -> None:
    """The search at the start included. The fake refuses to be asked before a Retry-After has passed."""

    async def story(world: World) -> None:
        capacity = Capacity(admits, retry_after=retry_after, seconds=about(0.5))
        process = begin(world, capacity, 40 * admits + 400)

        assert await goodput(world, capacity, 20.0) >= 0.95
        assert not process.watch.gates
        assert not world.truth.letters

    simulate(story, limits=ROOMY)


def test_it_asks_for_more_now_and_then_and_no_more_often() -> None:
    async def story(world: World) -> None:
        capacity = Capacity(10)
        process = begin(world, capacity, 1_000)
        await asyncio.sleep(2)
        capacity.refused.clear()
        await asyncio.sleep(30)

        assert limit(process) in {10, 11}
        assert 5 <= len(capacity.refused) <= 15

    simulate(story, limits=ROOMY)


@pytest.mark.parametrize("admits", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_a_limit_that_is_lifted_is_found_out_within_seconds(admits: int) -> None:
    async def story(world: World) -> None:
        capacity = Capacity(admits, seconds=about(0.2))
        process = begin(world, capacity, 9_000)
        await asyncio.sleep(20)
        capacity.admits = 1_000
        await asyncio.sleep(7)

        assert limit(process) == MOST
        assert capacity.under_way >= 0.95 * MOST

    simulate(story, limits=ROOMY)


def test_a_limit_that_comes_down_is_found_out_within_seconds() -> None:
    async def story(world: World) -> None:
        capacity = Capacity(100, seconds=about(0.5))
        process = begin(world, capacity, 4_000)
        await asyncio.sleep(10)
        capacity.admits = 10
        capacity.refused.clear()

        assert await goodput(world, capacity, 30.0) >= 0.95
        assert limit(process) in {10, 11}
        assert len(capacity.refused) <= 80
        assert not process.watch.gates

    simulate(story, limits=ROOMY)


def test_a_foundry_that_takes_nothing_is_asked_no_sooner_than_it_said() -> None:
    async def story(world: World) -> None:
        capacity = Capacity(50, retry_after=7.0)
        process = begin(world, capacity, 3_000)
        await asyncio.sleep(10)
        capacity.admits = 0
        capacity.refused.clear()
        await asyncio.sleep(2)
        asked = len(capacity.refused)
        await asyncio.sleep(60)

        assert asked <= 60
        assert len(capacity.refused) - asked <= 60 / 7 + 1
        assert process.watch.gates == ["closed all overloaded"]
        capacity.admits = 50
        await asyncio.sleep(8)
        assert await goodput(world, capacity, 10.0) >= 0.95
        assert not world.truth.letters

    simulate(story, limits=ROOMY)


def test_a_foundry_that_asks_for_a_minute_is_seen_to_be_closed_within_seconds() -> None:
    async def story(world: World) -> None:
        capacity = Capacity(50, retry_after=60.0)
        process = begin(world, capacity, 3_000)
        await asyncio.sleep(10)
        capacity.admits = 0
        await asyncio.sleep(5)

        # Nothing is sent for that long: an operator has to see why.
        assert process.watch.gates == ["closed all overloaded"]
        capacity.admits = 50
        await asyncio.sleep(60)
        assert process.watch.gates == ["closed all overloaded", "opened all overloaded"]
        assert await goodput(world, capacity, 10.0) >= 0.95

    simulate(story, limits=ROOMY)


def test_slow_actions_lower_no_limit() -> None:
    """Five seconds each, and nobody refuses: as many at one time as there may be."""

    async def story(world: World) -> None:
        capacity = Capacity(MOST, seconds=about(5.0))
        process = begin(world, capacity, 3_000)

        assert await goodput(world, capacity, 60.0) >= 0.95
        assert limit(process) == MOST

    simulate(story, limits=ROOMY)


def test_a_key_whose_action_is_slow_slows_no_other() -> None:
    async def story(world: World) -> None:
        slow = set(world.produce(20, lane="slow", batch=1))
        quick = about(0.2)
        capacity = Capacity(20, seconds=lambda spots: 5.0 if slow & set(spots) else quick(spots))
        begin(world, capacity, 4_000)

        assert await goodput(world, capacity, 20.0) >= 0.95
        assert sum(1 for record in slow if world.truth.executed(record)) <= 4

    simulate(story, limits=ROOMY)


@pytest.mark.slow
def test_refusals_by_chance_lower_nothing_that_matters() -> None:
    """Three in a hundred, however few there are at one time: fewer requests would not help."""

    async def story(world: World) -> None:
        chance = random.Random(3)
        capacity = Capacity(MOST, seconds=about(0.2))
        capacity.moody = lambda _: chance.random() < 0.03
        process = begin(world, capacity, 12_000)
        await asyncio.sleep(1)

        assert await goodput(world, capacity, 13.0) >= 0.95
        assert not process.watch.gates
        assert not world.truth.letters

    simulate(story, limits=ROOMY)


def test_a_record_that_is_refused_again_and_again_is_no_letter() -> None:
    """Others of its type are taken meanwhile. It is one request too many each time, and never at fault."""

    async def story(world: World) -> None:
        unlucky = set(world.produce(1, lane="unlucky", batch=1))
        capacity = Capacity(MOST, seconds=about(0.2))
        capacity.moody = lambda spots: bool(unlucky & set(spots)) and len(capacity.refused) < 12
        begin(world, capacity, 3_000)
        for _ in range(60):
            world.produce(20, batch=1)
            await asyncio.sleep(1)

        assert not world.truth.letters
        assert len(capacity.refused) == 12

    simulate(story, limits=ROOMY)


@pytest.mark.slow
def test_processes_that_share_a_limit_use_all_of_it_and_none_goes_without() -> None:
    async def story(world: World) -> None:
        capacity = Capacity(40, seconds=about(0.3))
        world.foundry.capacity = capacity
        for partition in range(4):
            world.produce(2_000, partition=partition, batch=1)
        both = [world.start(), world.start()]
        for process in both:
            process.actions.connection_waits = [0.0] * 10_000
        await asyncio.sleep(10)

        assert await goodput(world, capacity, 20.0) >= 0.9
        assert all(limit(process) > 1 for process in both)

    simulate(story, limits=replace(ROOMY, max_in_flight=64), partitions=4)


def test_a_quota_of_requests_in_a_time_is_used_and_then_left_alone() -> None:
    """It refuses everything until its window ends, and says so: not a matter of how many at one time."""

    async def story(world: World) -> None:
        window, quota = 10.0, 300
        capacity = Capacity(1_000, seconds=about(0.1))

        def left() -> float:
            return window - world.loop.time() % window

        def used_up(_spots: Sequence[Coordinate]) -> bool:
            capacity.retry_after = left()
            began = world.loop.time() + capacity.retry_after - window
            return sum(start >= began for start, _ in capacity.taken[-quota:]) >= quota

        capacity.moody = used_up
        begin(world, capacity, 2_000)
        await asyncio.sleep(left())
        capacity.taken.clear()
        capacity.refused.clear()
        await asyncio.sleep(4 * window - 0.001)

        assert len(capacity.taken) >= 0.95 * 4 * quota
        assert len(capacity.refused) <= 0.25 * 4 * quota

    simulate(story, limits=replace(ROOMY, max_in_flight=64))
