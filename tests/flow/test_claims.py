"""Harmful actions are claimed before they are sent: what a claim is worth, and when it is given up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Outage, Unknown
from tests.fakes.foundry import Down, Plan
from tests.fakes.group import Code
from tests.fakes.log import Fate
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

HARMFUL = [Repeat.NEVER, Repeat.ASK]
NO_ANSWER = Unknown(Answer("timeout"))


def commits_of(world: World) -> list[str]:
    return [line for line in world.truth.trace if " commits " in line]


@pytest.mark.parametrize("repeat", HARMFUL)
@pytest.mark.parametrize("seed", range(5))
def test_rule_1_a_request_is_sent_only_after_its_claim_is_acknowledged(
    repeat: Repeat, seed: int
) -> None:
    async def story(world: World) -> None:
        world.network.latency = 2.0
        world.produce(3, lane="a", repeat=repeat)
        world.produce(3, repeat=repeat)
        first = world.start()
        await world.until(lambda: bool(commits_of(world)))
        assert world.foundry.requests == 0
        await world.until(lambda: world.foundry.requests == 1)
        world.network.latency = 0.005

        marks = world.marks()
        assert marks is not None
        assert marks.claims
        world.kill(first)
        world.start()

    simulate(story, seed=seed)


def test_rule_3_claims_that_come_while_a_commit_is_under_way_share_the_next_one() -> None:
    async def story(world: World) -> None:
        for number in range(8):
            world.produce(
                1, partition=number % 2, repeat=Repeat.NEVER, action=f"n{number}", batch=1
            )
        world.network.latency = 0.5
        world.start()
        await world.until(lambda: world.foundry.requests == 8)
        world.network.latency = 0.005

        claiming = [
            line for line in commits_of(world) if "claims=[0" in line or "claims=[1" in line
        ]
        assert len(claiming) < 8

    simulate(story, partitions=2, limits=replace(LIMITS, max_in_flight=8))


@pytest.mark.parametrize("landing", [None, 0.5, 9.0, 11.0, 25.0])
@pytest.mark.parametrize("repeat", HARMFUL)
def test_rule_4_a_commit_without_an_answer_ends_the_membership(
    repeat: Repeat, landing: float | None
) -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        member = first.source.coordination.member
        first.source.lose_next_answers.append(landing)
        world.produce(6, lane="a", repeat=repeat)
        world.produce(6, repeat=repeat)
        await world.settled()

        assert first.source.coordination.member not in ("", member)
        assert not letters_of(world.truth, "unknown")
        world.kill(first)
        await asyncio.sleep(30)
        world.start()

    simulate(story)


@pytest.mark.parametrize("landing", [0.5, 12.0, 40.0])
def test_rule_5_a_commit_of_an_ended_membership_moves_nothing(landing: float) -> None:
    async def story(world: World) -> None:
        world.produce(3, repeat=Repeat.NEVER)
        first = world.start()
        await world.settled()
        first.source.lose_next_answers.append(landing)
        world.evict(first)
        await asyncio.sleep(60)
        world.produce(3, repeat=Repeat.NEVER)
        await world.settled()

    simulate(story)


def test_rule_7_a_suspect_that_must_not_repeat_is_a_letter() -> None:
    async def story(world: World) -> None:
        (record,) = world.produce(repeat=Repeat.NEVER)
        world.foundry.plans.append(Plan(1.0, 2.0))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        world.kill(first)
        world.start()
        await world.settled()

        assert letters_of(world.truth, "unknown") == [record]
        assert world.foundry.requests == 1

    simulate(story)


@pytest.mark.parametrize("executed_after", [None, 1.0, 14.0, LIMITS.request_timeout + 9.9])
def test_rule_7_a_suspect_that_can_be_asked_is_read_back(executed_after: float | None) -> None:
    async def story(world: World) -> None:
        (record,) = world.produce(repeat=Repeat.ASK)
        world.foundry.plans.append(Plan(executed_after, 15.0, NO_ANSWER))
        first = world.start()
        await world.until(lambda: world.foundry.requests == 1)
        world.kill(first)
        world.start()
        await world.settled()

        assert len(world.truth.effects_of[record]) == 1
        assert not world.truth.letters[record]

    simulate(story)


def test_rule_8_an_outage_releases_claims_so_that_a_kill_makes_no_unknowns() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        world.foundry.downs.append(Down(world.loop.time() + 60, None))
        world.produce(30, repeat=Repeat.NEVER, batch=1)
        await asyncio.sleep(30)

        marks = world.marks()
        assert marks is not None
        assert not marks.claims
        world.kill(first)
        world.start()
        await world.settled()
        assert not letters_of(world.truth, "unknown")

    simulate(story)


def test_rule_8_a_released_record_is_claimed_again_before_it_is_sent() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 20, None))
        records = world.produce(5, repeat=Repeat.NEVER, batch=1)
        first = world.start()
        await world.until(lambda: any(world.truth.executed(record) for record in records))
        world.kill(first)

    for seed in range(10):
        simulate(story, seed=seed)


def test_rule_13_reading_back_waits_until_the_lost_request_cannot_be_executed_any_more() -> None:
    async def story(world: World) -> None:
        (record,) = world.produce(repeat=Repeat.ASK)
        late = LIMITS.request_timeout + LIMITS.settle_time - 0.01
        world.foundry.plans.append(Plan(late, LIMITS.request_timeout, NO_ANSWER))
        world.start()
        await world.settled()

        assert len(world.truth.effects_of[record]) == 1
        assert world.foundry.requests == 1

    simulate(story)


@pytest.mark.parametrize("repeat", list(Repeat))
def test_rule_13_a_lane_waits_until_the_lost_request_cannot_be_executed_any_more(
    repeat: Repeat,
) -> None:
    async def story(world: World) -> None:
        world.produce(3, lane="a", action="x", repeat=repeat)
        bystander = world.produce(1, lane="b", action="y")
        late = LIMITS.request_timeout + LIMITS.settle_time - 0.01
        world.foundry.plans.append(Plan(late, LIMITS.request_timeout, NO_ANSWER))
        world.start()
        await world.until(lambda: world.truth.executed(bystander[0]), within=20)
        await world.settled()

    simulate(story)


def test_rule_13_an_attempt_that_was_answered_is_over_and_nobody_waits() -> None:
    async def story(world: World) -> None:
        world.produce(2, lane="a")
        answered = Unknown(Answer("http_500", status=500), answered=True)
        world.foundry.plans.append(Plan(None, 0.1, answered))
        world.start()
        await world.settled(within=LIMITS.settle_time / 2)

    simulate(story)


def test_rule_15_a_record_is_claimed_when_its_lane_before_it_is_committed_done() -> None:
    async def story(world: World) -> None:
        world.produce(1, lane="a", action="x")
        world.produce(1, lane="a", action="y", repeat=Repeat.NEVER)
        world.produce(1, lane="a", action="x")
        world.produce(1, lane="a", action="z", repeat=Repeat.ASK)
        first = world.start()
        await world.until(lambda: len(world.truth.effects) == 3)
        world.kill(first)
        world.start()

    for seed in range(10):
        simulate(story, seed=seed)


def test_rule_16_five_certain_refusals_under_one_claim_need_one_commit() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        busy = Outage(Answer("http_503", status=503), "overloaded")
        (record,) = world.produce(1, repeat=Repeat.NEVER, conflicts=2)
        before = len(commits_of(world))
        world.foundry.plans.extend(Plan(None, 0.02, busy) for _ in range(2))
        await world.until(lambda: world.truth.executed(record))

        claiming = [line for line in commits_of(world)[before:] if "claims=[]" not in line]
        assert world.foundry.requests == 5
        assert len(claiming) == 1

    simulate(story, limits=replace(LIMITS, commit_interval=60.0))


def test_a_commit_refused_for_one_partition_stops_that_one_alone() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        refused, other = world.partition(0), world.partition(1)
        world.group.refuse_next.append((refused, Code.METADATA_TOO_LARGE))
        for number in range(2):
            world.produce(3, partition=number, repeat=Repeat.NEVER)
        await asyncio.sleep(10)

        assert refused in first.watch.held_partitions
        assert not any(spot[0] == refused for spot in world.truth.settled)
        assert sum(spot[0] == other for spot in world.truth.settled) == 3
        world.kill(first)

    simulate(story, partitions=2)


def test_rule_8_a_kill_while_letters_wait_for_the_budget_makes_no_unknowns() -> None:
    """Foundry refused them, so that they were certainly not executed."""

    async def story(world: World) -> None:
        world.produce(20, batch=1, repeat=Repeat.NEVER, fate=Fate.POISON)
        first = world.start()
        await world.until(first.held)
        await asyncio.sleep(5)
        world.kill(first)
        world.start()
        await world.settled(resumed=True)

        assert len(letters_of(world.truth, "rejected")) == 20
        assert not letters_of(world.truth, "unknown")

    simulate(story, burst=2, ratio=0.0)
