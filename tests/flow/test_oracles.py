"""The world catches what it must: a service that is right passes, and each wrong one breaks the law it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Down, Plan
from tests.fakes.log import Fate
from tests.fakes.truth import LawBroken
from tests.flow.naive import naive
from tests.flow.random_world import random_world
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

NO_ANSWER = Unknown(Answer("timeout"))


@pytest.mark.parametrize("seed", range(40))
def test_a_service_that_is_right_breaks_no_law(seed: int) -> None:
    random_world(seed, service=naive())


# Stories in which a fault shows ------------------------------------------------------------------


async def records_of_every_kind(world: World) -> None:
    for repeat in Repeat:
        world.produce(2, lane="a", action=repeat.value, repeat=repeat)
    world.produce(1, fate=Fate.INVALID)
    world.start()
    await world.settled()


async def killed_with_a_request_in_flight(world: World) -> None:
    world.produce(action="n", repeat=Repeat.NEVER)
    world.foundry.plans.append(Plan(5.0, 5.0))
    first = world.start()
    await world.until(lambda: world.foundry.requests == 1)
    world.kill(first)
    world.start()
    await world.settled()


async def no_answer(world: World, repeat: Repeat, executed_after: float) -> None:
    world.produce(action="n", repeat=repeat)
    world.foundry.plans.append(Plan(executed_after, LIMITS.request_timeout, NO_ANSWER))
    world.start()
    await world.settled()
    await asyncio.sleep(60)


async def never_gets_no_answer(world: World) -> None:
    await no_answer(world, Repeat.NEVER, 1.0)


async def executed_after_the_timeout(world: World) -> None:
    await no_answer(world, Repeat.ASK, LIMITS.request_timeout + 5.0)


async def rebalanced_with_a_request_in_flight(world: World) -> None:
    world.produce()
    world.foundry.plans.append(Plan(10.0, 10.0))
    world.start()
    await world.until(lambda: world.foundry.requests == 1)
    world.rebalance()
    await world.settled()


async def stopped_after_some_work(world: World) -> None:
    world.produce(3)
    first = world.start()
    await world.settled()
    await world.stop(first)
    world.start()
    await asyncio.sleep(5)


async def evicted_with_work_to_do(world: World) -> None:
    first, second = world.start(), world.start()
    await world.until(lambda: len(world.group.members) == 2)
    await asyncio.sleep(1)
    for partition in range(2):
        world.produce(3, partition=partition)
    world.foundry.plans.extend([Plan(1.0, 8.0), Plan(1.0, 8.0)])
    await world.until(lambda: world.foundry.requests == 2)
    # The second one does not join, so the first one, thrown out, stays without partitions for a while.
    second.pause()
    world.evict(first)
    await world.settled()


async def silent_coordinator(world: World) -> None:
    first = world.start()
    await world.until(lambda: first.source.lease() > world.loop.time())
    world.silence(60)
    await asyncio.sleep(20)
    world.produce()
    await world.settled()


async def outage(world: World) -> None:
    world.produce(2)
    world.foundry.downs.append(Down(world.loop.time() + 60, None))
    world.start()
    await world.settled()


async def commit_without_an_answer(world: World) -> None:
    world.produce(1, action="n", repeat=Repeat.NEVER)
    first = world.start()
    first.source.lose_next_answers.append(None)
    await world.settled()


async def long_work(world: World) -> None:
    world.produce(300, batch=1)
    world.start()
    await world.settled()


@pytest.mark.parametrize(
    ("flaws", "story", "law"),
    [
        ("commits early", records_of_every_kind, "law 1:"),
        ("drops letters", records_of_every_kind, "law 1:"),
        ("forgets claims", records_of_every_kind, "rule 1:"),
        ("no claims", records_of_every_kind, "rule 1:"),
        ("sends before the claim", records_of_every_kind, "rule 1:"),
        ("unanswered is stored", commit_without_an_answer, "rule 1:"),
        ("sends suspects", killed_with_a_request_in_flight, "rule 7"),
        ("repeats unknowns", never_gets_no_answer, "rule 7"),
        ("waits for nothing", executed_after_the_timeout, "ask: at most once"),
        ("no drain", rebalanced_with_a_request_in_flight, "rule 9"),
        ("no last commit + never commits", rebalanced_with_a_request_in_flight, "law 4"),
        ("works when lost + no lease", evicted_with_work_to_do, "only owned partitions"),
        ("no lease", silent_coordinator, "rule 11"),
        ("letters outages", outage, "law 6"),
        ("never commits", long_work, "law 4"),
    ],
)
def test_a_flaw_is_caught(flaws: str, story: Callable[[World], Awaitable[None]], law: str) -> None:
    simulate(story, service=naive(), partitions=2)

    with pytest.raises(LawBroken) as caught:
        simulate(story, service=naive(*flaws.split(" + ")), partitions=2)

    assert caught.value.law.startswith(law)
