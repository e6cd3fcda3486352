"""An ill Foundry is asked no more than a healthy one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.fakes.foundry import Faults
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, RETRY, World

# Thousands of requests, one by one: seconds on an idle machine, and more than pytest's usual bound on a busy one.
pytestmark = pytest.mark.timeout(180)

MANY = replace(LIMITS, max_in_flight=16, max_records=4_000, max_bytes=100_000_000)

PATIENT = replace(RETRY, attempts=1_000)
"""No record becomes a letter: it is about the load that its retries make."""


async def requests_a_second(world: World, seconds: float) -> float:
    before = world.foundry.requests
    await asyncio.sleep(seconds)
    return (world.foundry.requests - before) / seconds


@pytest.mark.parametrize("share", [0.2, 0.45])
def test_requests_that_fail_fast_make_no_more_of_them(share: float) -> None:
    """A place is held as long as a request takes that succeeds."""

    async def story(world: World) -> None:
        world.produce(9_000, batch=1)
        process = world.start()
        process.actions.connection_waits = [0.0] * 20_000
        await asyncio.sleep(2)
        healthy = await requests_a_second(world, 5)
        world.foundry.faults = Faults(broken=share)
        ill = await requests_a_second(world, 10)

        assert 0.8 * healthy <= ill <= 1.05 * healthy

    simulate(story, limits=MANY, retry=PATIENT)


def test_where_more_fails_than_succeeds_requests_go_out_slowly() -> None:
    """Retries are paid for by successes; a few show that Foundry is well again."""

    async def story(world: World) -> None:
        world.produce(4_000, batch=1)
        process = world.start()
        process.actions.connection_waits = [0.0] * 20_000
        await asyncio.sleep(2)
        healthy = await requests_a_second(world, 2)
        world.foundry.faults = Faults(broken=0.9)
        await asyncio.sleep(2)

        assert await requests_a_second(world, 20) <= 0.1 * healthy
        world.foundry.faults = Faults()
        await asyncio.sleep(2)
        assert await requests_a_second(world, 2) >= 0.9 * healthy

    simulate(story, limits=MANY, retry=PATIENT)
