"""Ready is assigned, and a token once: neither an outage nor a closed gate takes it back."""

from __future__ import annotations

import asyncio

from consumer.app.readiness import Readiness
from consumer.outcomes import Answer, Outage
from tests import virtual_time
from tests.admin.whole import Seen, watched
from tests.flow.world import World
from tests.telemetry.values import logged


class SlowTokens:
    """Gives one after so many refusals."""

    def __init__(self, refusals: int, *, wait: float | None = None) -> None:
        self.refusals = refusals
        self.wait = wait
        self.asked = 0
        self.fetched = 0

    async def get(self) -> object:
        self.asked += 1
        if self.asked <= self.refusals:
            answer = Answer("invalid_client", retry_after=self.wait)
            return Outage(answer, "token", remedy="look at the secret")
        self.fetched += 1
        return object()


def test_ready_is_assigned_and_a_token_once_whatever_the_gate_does() -> None:
    async def story(world: World, seen: Seen) -> None:
        readiness = Readiness(lambda: seen.sources.assigned(seen.watch.assignment), SlowTokens(0))
        before = readiness.checks()
        await readiness.fetch_first_token()
        await asyncio.sleep(2)
        seen.core.pause()
        closed = readiness.checks()
        seen.core.resume()
        await world.stop(world.alive[0])
        after = readiness.checks()

        assert set(before) == {"assigned", "token"}
        assert all(before.values())
        assert not any(closed.values())
        assert after["assigned"]
        assert not after["token"]

    watched(story)


def test_a_member_to_which_no_partition_fell_is_ready_and_one_that_lost_its_own_is_not() -> None:
    async def story(world: World, seen: Seen) -> None:
        await asyncio.sleep(2)
        seen.watch.revoked([world.partition(0)], drained=True)
        lost = seen.status()["assigned"]
        seen.watch.assigned([])
        assert (lost, seen.status()["assigned"]) == (False, True)

    watched(story)


def test_the_first_token_is_asked_for_until_there_is_one_ever_more_seldom() -> None:
    async def main() -> tuple[SlowTokens, float, str]:
        loop = asyncio.get_running_loop()
        tokens, began = SlowTokens(8), loop.time()
        readiness = Readiness(lambda: False, tokens)
        task = loop.create_task(readiness.fetch_first_token())
        await asyncio.sleep(1)
        why = readiness.checks()["token"]
        await task
        return tokens, loop.time() - began, why

    with logged() as lines:
        tokens, took, why = virtual_time.run(main())

    assert tokens.asked == 9
    assert took == 5 + 10 + 20 + 40 + 4 * 60
    assert "invalid_client" in why
    (line,) = lines.of("no token")
    assert line["remedy"] == "look at the secret"


def test_who_is_told_to_wait_for_the_first_token_waits_so_long() -> None:
    async def main() -> float:
        began = asyncio.get_running_loop().time()
        await Readiness(lambda: False, SlowTokens(2, wait=120.0)).fetch_first_token()
        return asyncio.get_running_loop().time() - began

    assert virtual_time.run(main()) == 2 * 120
