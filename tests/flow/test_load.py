"""An ill Foundry is asked no more than a healthy one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Faults, Plan
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, RETRY, World

# Thousands of requests, one by one: seconds on an idle machine, and more than pytest's usual bound on a busy one.
pytestmark = pytest.mark.timeout(180)

MANY = replace(LIMITS, max_in_flight=16, max_records=4_000, max_bytes=100_000_000)

PATIENT = replace(RETRY, attempts=1_000)
"""No record becomes a letter: it is about the load that its retries make."""

GOOD = Plan(0.04, 0.05)
BAD = Plan(None, 0.02, Unknown(Answer("http_500", status=500), answered=True, gate="failing"))
"""Fails sooner than others succeed. Here not by chance: were it many in a row the gate would close, and nothing be seen of
what it lets through."""


async def requests_a_second(world: World, seconds: float) -> float:
    before = world.foundry.requests
    await asyncio.sleep(seconds)
    return (world.foundry.requests - before) / seconds


async def healthy_load(world: World, records: int) -> tuple[Process, float]:
    """Requests a second of a process that is well, and goes on so."""
    world.produce(records, batch=1)
    process = world.start()
    process.actions.connection_waits = [0.0] * 20_000
    await asyncio.sleep(2)  # by chance, so that requests do not go in step
    world.foundry.plans.extend([GOOD] * 20_000)
    await asyncio.sleep(1)
    return process, await requests_a_second(world, 2)


@pytest.mark.parametrize("good", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_requests_that_fail_fast_make_no_more_of_them(good: int) -> None:
    """A place is held as long as a request takes that succeeds."""

    async def story(world: World) -> None:
        process, healthy = await healthy_load(world, 9_000)
        world.foundry.plans.clear()
        world.foundry.plans.extend([BAD, *[GOOD] * good] * 4_000)
        ill = await requests_a_second(world, 10)

        assert 0.8 * healthy <= ill <= 1.05 * healthy
        assert not process.watch.gates

    simulate(story, limits=MANY, retry=PATIENT)


def test_where_more_fails_than_succeeds_requests_go_out_slowly() -> None:
    """Retries are paid for by successes; a few show that Foundry is well again."""

    async def story(world: World) -> None:
        _, healthy = await healthy_load(world, 4_000)
        world.foundry.plans.clear()
        slow = replace(
            BAD, answered_after=GOOD.answered_after
        )  # or those that fail would come together
        world.foundry.plans.extend([slow, slow, GOOD] * 7_000)
        await asyncio.sleep(2)

        assert await requests_a_second(world, 20) <= 0.1 * healthy
        world.foundry.plans.clear()
        world.foundry.plans.extend([GOOD] * 20_000)
        await asyncio.sleep(2)
        assert await requests_a_second(world, 2) >= 0.9 * healthy

    simulate(story, limits=MANY, retry=PATIENT)


@pytest.mark.parametrize("share", [0.1, pytest.param(0.2, marks=pytest.mark.slow)])
def test_law_6_failures_by_chance_are_no_outage(share: float) -> None:
    """Three in a row come each second where a fifth of hundreds fails: the gate was closed most of the time."""

    async def story(world: World) -> None:
        _, healthy = await healthy_load(world, 9_000)
        world.foundry.plans.clear()
        world.foundry.faults = Faults(broken=share)

        assert await requests_a_second(world, 10) >= 0.8 * healthy

    simulate(story, limits=MANY, retry=PATIENT)
