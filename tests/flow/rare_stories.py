"""Stories for what a random schedule meets too rarely."""

from __future__ import annotations

import asyncio

from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Down, Plan
from tests.flow.world import LIMITS, World

LOST = Unknown(Answer("timeout"))


async def a_lost_request_is_executed_late(world: World) -> None:
    world.produce(3, lane="a")
    last = LIMITS.request_timeout + LIMITS.settle_time - 0.01
    world.foundry.plans.append(Plan(last, LIMITS.request_timeout, LOST))
    world.start()
    await world.settled()
    await asyncio.sleep(60)


async def commits_stand_still(world: World) -> None:
    first = world.start()
    await world.until(lambda: first.source.lease() > world.loop.time())
    first.source.lose_next_answers.append(None)
    for _ in range(90):
        world.produce(1)
        await asyncio.sleep(0.1)
    await world.settled()


async def one_record_waits_for_the_end_of_an_outage(world: World) -> None:
    world.foundry.downs.append(Down(world.loop.time() + 400, "set", gate="failing"))
    world.produce(1)
    world.start()
    await world.settled()


async def the_answer_to_a_claim_is_lost(world: World) -> None:
    first = world.start()
    await world.until(lambda: first.source.lease() > world.loop.time())
    first.source.lose_next_answers.append(20.0)
    world.produce(6, repeat=Repeat.NEVER)
    await world.settled()


async def it_stands_still_between_the_check_and_the_connection(world: World) -> None:
    first = world.start()
    await world.until(lambda: first.source.lease() > world.loop.time())
    first.actions.connection_waits.append(1.0)
    world.produce(1)
    await world.until(lambda: first.actions.in_flight == 1)
    await world.pause(first, 60)
    await world.settled()
