"""Stops and rebalances hand everything over; kills, pauses and evictions repeat no more than they must."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Plan
from tests.fakes.log import Fate
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World


def a_bit_of_everything(world: World, rounds: int = 2) -> None:
    for partition in range(world.options.partitions):
        for repeat in Repeat:
            world.produce(rounds, partition=partition, lane="a", action=repeat.value, repeat=repeat)
            world.produce(rounds, partition=partition, action=repeat.value, repeat=repeat)
        world.produce(1, partition=partition, fate=Fate.POISON, repeat=Repeat.NEVER)
        world.produce(1, partition=partition, fate=Fate.INVALID, lane="a")


def assert_nothing_was_repeated(world: World) -> None:
    assert all(len(effects) <= 1 for effects in world.truth.effects_of.values())
    assert not letters_of(world.truth, "unknown")
    assert all(len(letters) <= 1 for letters in world.truth.letters.values())


@pytest.mark.parametrize("seed", range(25))
def test_rule_9_forty_graceful_rebalances_repeat_nothing(seed: int) -> None:
    """With all seeds these are a thousand."""

    async def story(world: World) -> None:
        world.start()
        world.start()
        for number in range(40):
            for repeat in Repeat:
                world.produce(partition=number % 2, lane="a", action=repeat.value, repeat=repeat)
            await asyncio.sleep(world.rng.uniform(0.0, 1.0))
            world.rebalance()
        await world.settled()

    world = simulate(story, seed=seed, partitions=2, limits=replace(LIMITS, max_in_flight=8))

    assert_nothing_was_repeated(world)


@pytest.mark.parametrize("seed", range(10))
def test_rolling_restarts_repeat_nothing(seed: int) -> None:
    async def story(world: World) -> None:
        old = [world.start(), world.start()]
        for _ in range(5):
            a_bit_of_everything(world)
            await asyncio.sleep(world.rng.uniform(0.0, 2.0))
            await world.stop(old.pop(0))
            old.append(world.start())
        await world.settled()

    world = simulate(story, seed=seed, partitions=3)

    assert_nothing_was_repeated(world)


def test_a_stop_with_nothing_assigned_yet_ends() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.stop(first)
        second = world.start()
        await asyncio.sleep(0.02)
        await world.stop(second)

    simulate(story)


@pytest.mark.parametrize("seed", range(20))
def test_a_stop_amid_a_rebalance_leaves_nothing_undone_and_says_so(seed: int) -> None:
    """Both hand the same partitions over; what the one has stored the other need not, and no longer can."""

    async def story(world: World) -> None:
        world.network.latency = 0.2
        first = world.start()
        world.start()
        a_bit_of_everything(world)
        await asyncio.sleep(5)
        world.rebalance()
        await asyncio.sleep(world.rng.uniform(0.0, 4.0))
        await world.stop(first)

        assert first.task is not None
        assert first.task.result() is True
        world.start()
        await world.settled()

    world = simulate(story, seed=seed, partitions=4)

    assert_nothing_was_repeated(world)


def test_rule_9_with_a_request_that_does_not_end_the_group_is_not_left() -> None:
    async def story(world: World) -> None:
        (record,) = world.produce(repeat=Repeat.NEVER)
        world.foundry.plans.append(Plan(1.0, 500.0))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        member = first.source.coordination.member
        await world.stop(first)

        assert member in world.group.members
        world.start()
        await world.settled()
        assert len(world.truth.effects_of[record]) == 1

    simulate(story)


def test_rule_9_with_an_earlier_sessions_request_alive_the_group_is_not_left() -> None:
    """The session that ends had none left, so nobody waited for what outlived the one before it."""

    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.coordination.assigned)
        hangs = 50.0
        world.foundry.plans.append(Plan(None, hangs, Unknown(Answer("timeout"))))
        world.produce(1)
        await world.until(lambda: first.actions.in_flight == 1)
        over, evicted = world.loop.time() + hangs, first.source.coordination.member
        world.evict(first)
        await world.until(lambda: first.source.coordination.member not in (evicted, ""))
        member = first.source.coordination.member
        first.source.lose_next_answers.extend([None, None])
        world.produce(1)
        await world.until(lambda: member not in world.group.members)

        assert world.loop.time() >= over - 0.1

    simulate(story)


@pytest.mark.parametrize("seed", range(20))
def test_a_revocation_while_a_claim_is_on_its_way(seed: int) -> None:
    async def story(world: World) -> None:
        world.network.latency = 0.4
        world.produce(8, repeat=Repeat.NEVER, batch=1)
        world.start()
        await asyncio.sleep(world.rng.uniform(1.0, 4.0))
        world.rebalance()
        await world.settled()

    world = simulate(story, seed=seed)

    assert_nothing_was_repeated(world)


@pytest.mark.parametrize("seed", range(20))
def test_the_same_partition_comes_back_to_the_same_process(seed: int) -> None:
    async def story(world: World) -> None:
        world.start()
        for _ in range(6):
            a_bit_of_everything(world, rounds=1)
            await asyncio.sleep(world.rng.uniform(0.0, 0.4))
            world.rebalance()
        await world.settled()

    world = simulate(story, seed=seed)

    assert_nothing_was_repeated(world)


@pytest.mark.parametrize("wait", [0.0, 0.5, 5.0])
def test_rule_17_a_batch_that_waits_for_a_connection_is_withheld_when_its_partition_goes(
    wait: float,
) -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        first.actions.connection_waits.extend([wait] * 4)
        for partition in range(2):
            world.produce(4, partition=partition, repeat=Repeat.NEVER)
        await asyncio.sleep(0.2)
        world.start()
        await world.settled()

    world = simulate(story, partitions=2)

    assert_nothing_was_repeated(world)


@pytest.mark.parametrize("seconds", [10.0, 29.0, 31.0, 46.0, 120.0])
@pytest.mark.parametrize("seed", range(6))
def test_a_process_that_stood_still_does_no_harm_when_it_goes_on(seconds: float, seed: int) -> None:
    async def story(world: World) -> None:
        first = world.start()
        a_bit_of_everything(world)
        await asyncio.sleep(world.rng.uniform(0.0, 1.5))
        pausing = asyncio.create_task(world.pause(first, seconds))
        world.start()
        await pausing
        a_bit_of_everything(world)
        await world.settled()

    simulate(story, seed=seed, partitions=2)


def test_rule_11_nothing_is_sent_when_the_coordinator_has_been_silent_for_too_long() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        await asyncio.sleep(10)
        began = world.loop.time()
        world.silence(100)
        while world.loop.time() < began + 90:
            world.produce(1)
            await asyncio.sleep(0.5)
        sent = [effect.at - began for effect in world.truth.effects]

        assert sent
        assert max(sent) < 15 + 1

    simulate(story)


# Kills -------------------------------------------------------------------------------------------


def steps_of_a_whole_run() -> int:
    async def story(world: World) -> None:
        a_bit_of_everything(world, rounds=1)
        first = world.start()
        await world.settled()
        await asyncio.sleep(3)
        counted.append(first.host.steps)

    counted: list[int] = []
    simulate(story)
    return counted[0]


@pytest.mark.parametrize("share", range(8))
def test_law_7_a_kill_at_each_await_loses_nothing_and_repeats_nothing_harmful(share: int) -> None:
    async def story(world: World, step: int) -> None:
        a_bit_of_everything(world, rounds=1)
        first = world.start()
        world.kill_at(first, step)
        await world.until(lambda: first.killed)
        assert first.host.steps == step
        world.start()

    for step in range(share + 1, steps_of_a_whole_run() + 1, 8):
        simulate(partial(story, step=step))


def test_a_kill_repeats_only_what_was_in_flight_or_not_yet_committed() -> None:
    async def story(world: World) -> None:
        world.produce(400, batch=1)
        first = world.start()
        await asyncio.sleep(6.3)
        world.kill(first)
        world.start()
        await world.settled()

        repeated = [spot for spot, effects in world.truth.effects_of.items() if len(effects) > 1]
        at_most = LIMITS.max_in_flight * (1 + LIMITS.commit_interval / 0.002)
        assert 0 < len(repeated) < min(at_most, 100)

    simulate(story)


def test_a_letter_whose_writer_was_killed_may_stand_twice_and_is_committed_once() -> None:
    async def story(world: World) -> None:
        (record,) = world.produce(fate=Fate.INVALID)
        first = world.start()
        await world.until(lambda: bool(world.truth.letters[record]))
        world.kill(first)
        world.start()
        await world.settled()
        await asyncio.sleep(60)

        assert [letter.reason for letter in world.truth.letters[record]] == ["invalid"] * 2

    simulate(story)
