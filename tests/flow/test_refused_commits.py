"""Commits that the broker refuses, for a grant that is missing or a limit that is too low: for a while, or for good."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from consumer.model import Repeat
from tests.fakes.foundry import Down
from tests.fakes.group import Code
from tests.fakes.log import Fate
from tests.flow.laws import letters_of
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World


async def assigned(world: World) -> Process:
    """A process that has its partitions."""
    process = world.start()
    await world.until(lambda: process.source.coordination.assigned)
    return process


@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize("seconds", [3, 60, 400])
def test_commits_that_are_refused_for_a_while_cost_nothing(repeat: Repeat, seconds: int) -> None:
    """Their partition stood still until somebody restarted the process."""

    async def story(world: World) -> None:
        first = await assigned(world)
        world.produce(10, repeat=repeat)
        await world.settled()
        member = first.source.coordination.member
        world.group.denied.add(world.partition(0))
        for _ in range(10):
            world.produce(4, lane="a", repeat=repeat)
            world.produce(4, repeat=repeat)
            await asyncio.sleep(seconds / 10)
        world.group.denied.clear()
        await world.settled(within=15)

        assert first.watch.held_partitions
        assert first.source.coordination.member == member, "a new member disturbs the others"
        assert not letters_of(world.truth, "unknown")
        assert all(len(found) == 1 for found in world.truth.effects_of.values())

    simulate(story)


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.NEVER])
def test_law_4_nothing_new_is_sent_while_commits_are_refused(repeat: Repeat) -> None:
    async def story(world: World) -> None:
        await assigned(world)
        world.produce(400, lane="one after another", repeat=repeat)
        await world.until(lambda: world.foundry.requests == 2)
        world.group.denied.add(world.partition(0))
        await asyncio.sleep(3)
        sent = world.foundry.requests
        await asyncio.sleep(60)

        assert world.foundry.requests == sent < 100

    simulate(story)


def test_a_commit_that_is_refused_is_tried_again_at_a_decent_pace() -> None:
    async def story(world: World) -> None:
        await assigned(world)
        world.group.denied.add(world.partition(0))
        world.produce(20, repeat=Repeat.NEVER)
        await asyncio.sleep(100)

        assert 8 <= sum("TOPIC_DENIED" in line for line in world.truth.trace) <= 11

    simulate(story)


def test_law_11_what_waits_for_a_claim_that_is_refused_keeps_no_slot_from_others() -> None:
    async def story(world: World) -> None:
        await assigned(world)
        world.group.denied.add(world.partition(0))
        world.produce(200, repeat=Repeat.NEVER, batch=1)
        await asyncio.sleep(2)
        others = world.produce(20, partition=1, repeat=Repeat.NEVER, batch=1)
        others += world.produce(20, partition=1)
        await asyncio.sleep(4)

        assert all(world.truth.executed(record) for record in others)

    simulate(story, partitions=2)


def test_law_11_what_waits_for_a_claim_that_is_not_stored_for_long_keeps_no_slot_from_others() -> (
    None
):
    """Each commit is answered with "later": so a broker that does not know the topic (any more)."""

    async def story(world: World) -> None:
        await assigned(world)
        world.group.refuse_next += [(world.partition(0), Code.COORDINATOR_LOADING)] * 2_000
        world.produce(200, repeat=Repeat.NEVER, batch=1)
        await asyncio.sleep(12)
        others = world.produce(20, partition=1, repeat=Repeat.NEVER, batch=1)
        others += world.produce(20, partition=1)
        await asyncio.sleep(4)

        assert all(world.truth.executed(record) for record in others)

    simulate(story, partitions=2)


def test_what_was_refused_while_its_batch_waited_for_other_claims_is_claimed_anew() -> None:
    """Its slot went round without an await, and the process stood still."""

    async def story(world: World) -> None:
        await assigned(world)
        refused, later = world.partition(0), world.partition(1)
        world.group.denied.add(refused)
        world.group.refuse_next += [(later, Code.COORDINATOR_LOADING)] * 200
        for _ in range(5):
            world.produce(repeat=Repeat.NEVER)
            world.produce(partition=1, repeat=Repeat.NEVER)
        await asyncio.sleep(5)
        world.group.denied.clear()
        await world.settled(within=30)

        assert not world.truth.letters

    simulate(story, partitions=2, limits=replace(LIMITS, commit_interval=5.0))


def test_law_6_a_gate_opens_though_what_waits_at_it_may_not_be_sent() -> None:
    async def story(world: World) -> None:
        await assigned(world)
        world.foundry.downs.append(Down(world.loop.time() + 60, None))
        world.produce(400)
        await asyncio.sleep(5)
        world.group.denied.add(world.partition(0))
        world.produce(repeat=Repeat.NEVER, action="other")
        (other,) = world.produce(partition=1)
        await asyncio.sleep(60 + 15)

        assert world.truth.executed(other)

    simulate(story, partitions=2)


@pytest.mark.parametrize("action", [None, "set"])
def test_law_6_probes_are_not_spent_on_what_may_not_be_sent(action: str | None) -> None:
    """Each of hundreds was taken as the probe once: the gate stayed closed for an hour after the outage."""

    async def story(world: World) -> None:
        await assigned(world)
        await asyncio.sleep(3)
        world.foundry.downs.append(Down(world.loop.time() + 60, action))
        world.group.denied.add(world.partition(0))
        world.produce(fate=Fate.IGNORED)  # so that there is something to commit
        world.produce(400)
        others = world.produce(20, partition=1)
        await asyncio.sleep(60 + 15)

        assert all(map(world.truth.executed, others))

    simulate(story, partitions=2)


@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize("ends", ["rebalance", "stop", "kill", "evict"])
def test_whatever_ends_a_session_whose_commits_are_refused_every_law_holds(
    ends: str, repeat: Repeat
) -> None:
    async def story(world: World) -> None:
        first = await assigned(world)
        world.produce(30, repeat=repeat)
        await asyncio.sleep(0.6)
        world.group.denied.add(world.partition(0))
        for _ in range(10):
            world.produce(4, lane="a", repeat=repeat)
            world.produce(2, partition=1, repeat=repeat)
            await asyncio.sleep(0.3)
        if ends == "stop":
            await world.stop(first)
            assert first.task is not None
            assert first.task.result() is False
        else:
            getattr(world, ends)(*([] if ends == "rebalance" else [first]))
        await asyncio.sleep(30)
        world.group.denied.clear()
        if not first.running:
            world.start()
        await world.settled()

    simulate(story, partitions=2)


@pytest.mark.parametrize("seed", range(40))
def test_every_law_holds_while_commits_are_refused_now_and_then(seed: int) -> None:
    async def story(world: World) -> None:
        rng = random.Random(seed)
        await assigned(world)
        for _ in range(30):
            number = rng.randrange(2)
            lane, repeat = rng.choice((None, "a", "b")), rng.choice(list(Repeat))
            action = f"x{repeat.value}"
            world.produce(
                rng.randint(1, 9), partition=number, lane=lane, repeat=repeat, action=action
            )
            await asyncio.sleep(rng.uniform(0, 3))
            if rng.random() < 0.3:
                world.group.denied ^= {world.partition(number)}
            if rng.random() < 0.1:
                world.rebalance()
            if rng.random() < 0.05 and world.alive:
                world.kill(rng.choice(world.alive))
            if len(world.alive) < rng.randint(1, 2):
                world.start()
        world.group.denied.clear()

    simulate(story, seed=seed, partitions=2, limits=replace(LIMITS, max_in_flight=3))
