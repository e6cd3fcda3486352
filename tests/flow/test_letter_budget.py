"""Dead letters are paid for by successes: a bad deploy stops the service, and does not drain its topics."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from consumer.dispatch import Dispatch
from consumer.model import Repeat
from consumer.outcomes import Answer, Refused, Unknown
from tests.fakes.foundry import Down, Plan
from tests.fakes.log import Fate
from tests.flow.laws import letters_of
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

CLOSED = "closed all letter_budget"


def core_of(process: Process) -> Dispatch:
    assert isinstance(process.service, Dispatch)
    return process.service


def letters(world: World) -> int:
    return sum(map(len, world.truth.letters.values()))


def test_law_6_after_a_bad_deploy_the_gate_closes_instead_of_draining_the_topic() -> None:
    async def story(world: World) -> None:
        world.produce(300, fate=Fate.INVALID)
        first = world.start()
        await asyncio.sleep(300)

        assert letters(world) == 10
        assert first.watch.gates == [CLOSED]  # one line, however many letters wait
        marks = world.marks()
        assert marks is not None
        assert marks.offset == world.log.start(world.partition(0)) + 10
        assert core_of(first).budget.remaining == 0

    simulate(story, burst=10)


def test_law_6_the_line_names_the_dominant_reason_and_an_example() -> None:
    async def story(world: World) -> None:
        world.produce(1, fate=Fate.UNREADABLE)
        ((_, offset), *_) = world.produce(5, fate=Fate.INVALID)
        first = world.start()
        await world.until(first.held)

        remedy = first.watch.remedies["letter_budget"] or ""
        assert "'invalid'" in remedy
        assert f"t/0/{offset}" in remedy

    simulate(story, burst=3)


def test_law_6_resume_grants_one_more_budget_and_no_more() -> None:
    async def story(world: World) -> None:
        world.produce(35, fate=Fate.INVALID)
        first = world.start()
        for budgets in (1, 2, 3):
            await asyncio.sleep(60)
            assert letters(world) == 10 * budgets
            first.resumes_sending()
        await world.settled(within=5)

        assert first.watch.gates.count(CLOSED) == 3
        assert first.watch.gates[-1] == "opened all letter_budget"
        assert core_of(first).budget.remaining == 5

    simulate(story, burst=10)


def test_law_6_while_the_budget_is_spent_nothing_is_sent_nor_asked_for_and_nothing_is_lost() -> (
    None
):
    async def story(world: World) -> None:
        world.produce(20, fate=Fate.INVALID)
        first = world.start()
        await world.until(first.held)
        await asyncio.sleep(1)  # the poll that was under way
        good = world.produce(50, partition=1)
        await asyncio.sleep(120)

        assert not any(world.truth.executed(record) for record in good)
        assert first.source.position(world.partition(1)) == world.log.start(world.partition(1))
        first.resumes_sending()
        await world.until(lambda: all(map(world.truth.executed, good)), within=5)

    simulate(story, burst=10, partitions=2)


def test_law_11_letters_that_wait_for_the_budget_are_bounded() -> None:
    async def story(world: World) -> None:
        world.produce(500, fate=Fate.INVALID)
        first = world.start()
        await asyncio.sleep(60)

        assert core_of(first).workload.records <= 50

    simulate(story, burst=10, limits=replace(LIMITS, max_records=50))


def test_law_6_successes_pay_for_letters() -> None:
    async def story(world: World) -> None:
        first = world.start()
        for _ in range(30):
            world.produce(20)
            await asyncio.sleep(0.5)
            world.produce(1, fate=Fate.INVALID)
        await world.settled(within=5)

        assert letters(world) == 30
        assert not first.watch.gates

    simulate(story, burst=2, ratio=0.05)


def test_law_6_refused_actions_are_paid_for_as_well() -> None:
    async def story(world: World) -> None:
        good = world.produce(10)
        world.produce(30, fate=Fate.POISON)
        first = world.start()
        await asyncio.sleep(120)

        assert letters(world) == 5
        assert CLOSED in first.watch.gates
        await world.settled(resumed=True)
        assert all(len(world.truth.effects_of[record]) == 1 for record in good)

    simulate(story, burst=5, ratio=0.0)


def test_a_stop_with_letters_that_wait_for_the_budget_ends_and_leaves_them_undone() -> None:
    """A restart begins with a full budget."""

    async def story(world: World) -> None:
        world.produce(10, fate=Fate.POISON, batch=1)
        first = world.start()
        await world.until(first.held)
        await asyncio.sleep(5)
        began = world.loop.time()
        await world.stop(first)

        assert world.loop.time() - began < 3
        assert letters(world) == 4
        world.start()
        await world.until(lambda: letters(world) == 8, within=30)
        assert all(len(found) <= 1 for found in world.truth.letters.values())

    simulate(story, burst=4, ratio=0.0)


def test_a_stop_does_not_wait_for_the_budget_of_a_record_that_is_applied_in_part() -> None:
    """A drain waits for what was begun: this one is not gone on with until a person comes."""

    async def story(world: World) -> None:
        refused = Refused(Answer("ActionValidationFailed", status=400))
        world.foundry.plans.extend([Plan(0.01, 0.02), Plan(None, 0.02, refused)])
        (record,) = world.produce(1, steps=2)
        first = world.start()
        await world.until(first.held)
        world.foundry.plans.append(Plan(None, 0.02, refused))
        began = world.loop.time()
        await world.stop(first)

        assert world.loop.time() - began < 3
        assert record not in world.truth.settled
        world.truth.excuse([record], "it is begun again")

    simulate(story, burst=0)


def test_a_rebalance_takes_letters_along_that_wait_for_the_budget() -> None:
    async def story(world: World) -> None:
        for partition in (0, 1):
            world.produce(30, partition=partition, fate=Fate.INVALID)
        first = world.start()
        await world.until(first.held)
        await asyncio.sleep(5)
        second = world.start()
        await world.until(second.held, within=60)
        await asyncio.sleep(1)

        assert letters(world) == 8  # the newcomer has a budget of its own
        assert core_of(first).workload.records == 0  # it asks for nothing while it is closed
        assert all(len(found) <= 1 for found in world.truth.letters.values())

    simulate(story, burst=4, partitions=2)


def test_law_6_what_was_on_its_way_when_an_outage_began_is_not_charged() -> None:
    async def story(world: World) -> None:
        world.produce(80, repeat=Repeat.NEVER)
        lost = Unknown(Answer("cut"), gate="timeouts")
        world.foundry.plans.extend([Plan(None, 0.5, lost)] * 4)
        first = world.start()
        await world.settled(within=60)

        assert len(letters_of(world.truth, "unknown")) >= 20
        assert core_of(first).budget.remaining == 2
        assert CLOSED not in first.watch.gates

    simulate(story, burst=2)


def test_law_6_what_a_former_owner_left_unknown_is_not_charged() -> None:
    async def story(world: World) -> None:
        world.produce(60, repeat=Repeat.NEVER)
        world.foundry.plans.extend([Plan(None, 15.0, Unknown(Answer("timeout")))] * 4)
        first = world.start()
        await world.until(lambda: first.actions.in_flight == 3)
        world.kill(first)
        second = world.start()
        await world.settled(within=120)

        assert len(letters_of(world.truth, "unknown")) == 60
        assert core_of(second).budget.remaining == 2

    simulate(story, burst=2)


# An operator -------------------------------------------------------------------------------------


def test_an_operator_pauses_and_resumes() -> None:
    async def story(world: World) -> None:
        before = world.produce(5)
        first = world.start()
        await world.settled(within=5)
        first.pauses_sending()
        first.pauses_sending()  # said twice, it is one pause
        after = world.produce(5)
        await asyncio.sleep(200)

        assert all(map(world.truth.executed, before))
        assert not any(map(world.truth.executed, after))
        assert core_of(first).gate.reasons()[0][:2] == (None, "operator")
        assert first.source.lease() > world.loop.time()  # it is still a member
        first.resumes_sending()
        await world.settled(within=2)
        assert first.watch.gates == ["closed all operator", "opened all operator"]

    simulate(story)


def test_what_is_on_its_way_when_an_operator_pauses_ends_as_it_does() -> None:
    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(5.0, 6.0))
        record = world.produce(1, repeat=Repeat.NEVER)[0]
        first = world.start()
        await world.until(lambda: first.actions.in_flight == 1)
        await asyncio.sleep(1)
        first.pauses_sending()
        await world.until(lambda: record in world.truth.settled, within=8)

        assert not world.truth.letters

    simulate(story)


def test_an_operators_pause_stops_probes_too() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 30, None))
        world.produce(20)
        first = world.start()
        await asyncio.sleep(10)
        first.pauses_sending()
        await asyncio.sleep(2)
        before = world.foundry.requests
        await asyncio.sleep(60)

        assert world.foundry.requests == before
        first.resumes_sending()
        await world.settled(within=5)

    simulate(story)


def test_a_stop_while_an_operator_holds_the_gate_ends_at_once() -> None:
    async def story(world: World) -> None:
        first = world.start()
        first.pauses_sending()  # before it has joined
        world.produce(5)
        await asyncio.sleep(20)
        began = world.loop.time()
        await world.stop(first)

        assert world.loop.time() - began < 3
        assert not world.truth.effects

    simulate(story)
