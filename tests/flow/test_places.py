"""Places for requests while Foundry is ill: no slot sleeps with work ready, and none looks in vain for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from consumer.dispatch import Dispatch
from consumer.outcomes import Answer, Outage, Unknown
from consumer.pacer import Pacer
from tests.fakes.capacity import Capacity
from tests.fakes.foundry import FakeFoundry, Plan
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

FAILED = Plan(None, 0.02, Unknown(Answer("http_500", status=500), answered=True))
REFUSED = Plan(None, 0.02, Outage(Answer("http_429", status=429), "overloaded", everywhere=True))
APPLIED = Plan(0.005, 0.01)


def begin(world: World, records: int) -> Process:
    """A process whose connections stand, with one record in a request."""
    world.produce(records, batch=1)
    process = world.start()
    process.actions.connection_waits = [0.0] * (4 * records)
    return process


def pacer_of(process: Process) -> Pacer:
    assert isinstance(process.service, Dispatch)
    return process.service._pacer


def test_while_the_budget_is_spent_a_request_that_hangs_does_not_keep_the_others_back() -> None:
    async def story(world: World) -> None:
        # Eight failures spend the budget of four places; the ninth request hangs.
        world.foundry.plans.extend([FAILED] * 8 + [Plan(14.0, 14.5)] + [APPLIED] * 60)
        begin(world, 30)
        await world.until(lambda: world.foundry.requests == 9)
        await asyncio.sleep(10)

        assert len(world.truth.settled) == 29

    simulate(story, shuffled=False)


class Scripted(FakeFoundry):
    """What befalls the next request is asked for when it arrives."""

    script: Callable[[], Plan]

    def _plan(self, _: object) -> Plan:
        return self.script()


def test_a_limit_that_may_be_raised_while_the_budget_gives_no_room_is_not_looked_at_for_ever() -> (
    None
):
    """The time for that lay in the past, and an alarm was set to it again and again: a loop without a wait."""

    async def story(world: World) -> None:
        process = begin(world, 200)
        pacer = pacer_of(process)
        limiter, budget = pacer._limiter, pacer._budget
        arrived = 0

        def script() -> Plan:
            nonlocal arrived
            arrived += 1
            if arrived <= 4:
                return Plan(0.03, 0.05)
            if pacer.limit == 8:
                return REFUSED
            if not limiter._proved:
                return APPLIED
            # Failures, until what is on its way is all that could be paid for; those then hang.
            return FAILED if budget._left > pacer.limit else Plan(7.0, 8.0)

        world.foundry = process.actions._foundry = Scripted(
            world.truth, world.rng, LIMITS.request_timeout, LIMITS.settle_time
        )
        world.foundry.script = script
        await asyncio.sleep(5)

        assert pacer.room(world.loop.time()) == 0
        world.foundry.script = lambda: APPLIED

    simulate(story, shuffled=False, limits=replace(LIMITS, max_in_flight=8))


def test_who_resumes_does_not_wait_for_the_last_retry_after() -> None:
    """The gate asked soon, as it is told to, but no place was open before that minute was over."""

    async def story(world: World) -> None:
        world.foundry.capacity = Capacity(0, retry_after=60.0)
        process = begin(world, 100)
        await world.until(lambda: bool(process.watch.gates), within=5)
        world.foundry.capacity = None
        await asyncio.sleep(1)
        process.resumes_sending()
        await world.until(lambda: bool(world.truth.effects), within=5)

    simulate(story)
