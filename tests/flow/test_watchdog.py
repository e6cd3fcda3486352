"""The watchdog lives through every world without a false alarm: nothing that only waits is stuck."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Outage, Unknown
from consumer.state.limits import Limits, Retry
from consumer.state.vitals import Verdict
from tests.fakes.foundry import Down, Plan
from tests.fakes.log import Fate
from tests.flow.random_world import random_world
from tests.flow.simulate import simulate
from tests.flow.watched import Watched, watched
from tests.flow.world import LIMITS, RETRY, World

SHARE = 12
Story = Callable[[World], Awaitable[None]]


@pytest.mark.parametrize("share", range(8))
def test_no_outage_no_kill_and_no_rebalance_is_taken_for_a_process_that_is_stuck(
    share: int,
) -> None:
    for seed in range(share * SHARE, (share + 1) * SHARE):
        verdicts: list[Verdict] = []
        random_world(seed, service=watched(verdicts))
        assert not verdicts, f"seed {seed}"


# Long waits that somebody asked for ---------------------------------------------------------------


async def nothing_to_do(world: World) -> None:
    world.start()
    await asyncio.sleep(900)


async def foundry_is_away(world: World) -> None:
    for repeat in Repeat:
        world.produce(5, lane=repeat.value, action=repeat.value, repeat=repeat)
    world.foundry.downs.append(Down(world.loop.time() + 900, None))
    world.start()
    await asyncio.sleep(900)


async def the_group_is_away(world: World) -> None:
    world.start()
    world.produce(20)
    await world.settled()
    world.silence(900)
    world.produce(20)
    await asyncio.sleep(900)


async def letters_are_not_taken(world: World) -> None:
    world.letter_box.down_until = world.loop.time() + 400
    world.produce(1, fate=Fate.INVALID)
    world.produce(20)
    world.start()
    await asyncio.sleep(400)


async def an_operator_has_paused(world: World) -> None:
    process = world.start()
    world.produce(20)
    await world.settled()
    assert isinstance(process.service, Watched)
    process.service.core.pause()
    world.produce(20)
    await asyncio.sleep(400)
    process.service.core.resume()


async def foundry_asks_for_ten_minutes(world: World) -> None:
    asked = Outage(Answer("throttled", retry_after=600.0), "overloaded")
    world.foundry.plans += [Plan(None, 0.1, asked)] * 4
    world.produce(4, lane="a")
    world.start()
    await asyncio.sleep(1_500)


async def a_lane_is_held(world: World) -> None:
    """By a request without an answer, for all of a long settle time; suspects wait as long."""
    world.foundry.plans += [Plan(None, 14.0, Unknown(Answer("timeout")))] * 2
    for repeat in (Repeat.SAFE, Repeat.ASK):
        world.produce(5, lane=repeat.value, action=repeat.value, repeat=repeat)
    first = world.start()
    await asyncio.sleep(40)
    world.kill(first)
    world.start()


async def foundry_is_slow(world: World) -> None:
    world.foundry.plans += [Plan(14.0, 14.5)] * 60
    world.produce(60, lane="a", batch=1)
    world.start()


async def the_process_freezes_again_and_again(world: World) -> None:
    process = world.start()
    for _ in range(20):
        world.produce(5, lane="a")
        await world.pause(process, 100)
        await asyncio.sleep(5)


async def commits_are_not_stored(world: World) -> None:
    process = world.start()
    world.produce(5, repeat=Repeat.NEVER)
    for _ in range(30):
        process.source.lose_next_answers.append(None)
        world.produce(2, repeat=Repeat.NEVER)
        await asyncio.sleep(20)


@pytest.mark.parametrize(
    ("story", "limits", "retry"),
    [
        (nothing_to_do, LIMITS, RETRY),
        (foundry_is_away, LIMITS, RETRY),
        (the_group_is_away, LIMITS, RETRY),
        (letters_are_not_taken, LIMITS, RETRY),
        (an_operator_has_paused, LIMITS, RETRY),
        (foundry_asks_for_ten_minutes, LIMITS, replace(RETRY, maximum=900.0, initial=300.0)),
        (a_lane_is_held, replace(LIMITS, settle_time=900.0), RETRY),
        (foundry_is_slow, replace(LIMITS, max_in_flight=1), RETRY),
        (the_process_freezes_again_and_again, LIMITS, RETRY),
        (commits_are_not_stored, LIMITS, RETRY),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_wait_that_has_a_reason_is_no_standstill(
    story: Story, limits: Limits, retry: Retry
) -> None:
    verdicts: list[Verdict] = []

    simulate(
        story,
        service=watched(verdicts),
        limits=limits,
        retry=retry,
        settles_within=4_000.0,
    )

    assert not verdicts


def test_a_group_that_does_not_answer_is_told_once_and_looked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All brokers may have moved; and none of it ends the process."""
    verdicts: list[Verdict] = []

    async def story(world: World) -> None:
        process = world.start()
        world.produce(5)
        await world.settled()
        assert isinstance(process.service, Watched)
        world.silence(300)
        await asyncio.sleep(310)
        asked = process.service.found_anew
        await asyncio.sleep(100)

        assert 5 <= asked <= 9
        assert process.service.found_anew == asked

    with caplog.at_level("INFO"):
        simulate(story, service=watched(verdicts))

    said = [each.getMessage() for each in caplog.records if "the group" in each.getMessage()]
    assert said == ["the group does not answer", "the group answers again"]
    assert not verdicts
