"""Every limit stops, and none is passed: bytes in memory, letters that are not taken, the age of a commit."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace

import pytest

from consumer.model import Prepared, Repeat
from consumer.outcomes import Answer, Outage, Outcome, Unknown
from consumer.sessions import Sessions
from consumer.state.lanes import Lanes
from consumer.store import CommitResult
from tests.fakes.foundry import Down, Plan
from tests.fakes.group import Code
from tests.fakes.log import Fate
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World


def read_of(world: World, partition: int = 0) -> int:
    """How many records of it the first process has been given."""
    where = world.partition(partition)
    return world.processes[0].source.position(where) - world.log.start(where)


async def evicted(world: World, process: Process) -> None:
    """Until it is a member again."""
    coordination = process.source.coordination
    before = coordination.membership
    world.group.evict(coordination.member)
    await world.until(lambda: coordination.membership is not before)


def test_law_11_no_more_bytes_are_read_than_the_limit_allows() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 60, None))
        world.produce(1, size=10_000)
        world.start()
        await asyncio.sleep(1)  # before it has seen one, it does not know how large they are
        world.produce(500, size=10_000)
        await asyncio.sleep(40)

        assert 5 < read_of(world) <= 10

    simulate(story, limits=replace(LIMITS, max_bytes=100_000))


def test_law_11_other_partitions_share_the_limit_and_have_their_turn_when_there_is_room() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 30, None))
        world.produce(200)
        world.produce(200, partition=1)
        world.start()
        await asyncio.sleep(20)

        assert read_of(world, 0) + read_of(world, 1) <= 20
        await world.settled(within=120)

    simulate(story, partitions=2, limits=replace(LIMITS, max_records=20))


def test_law_1_a_partition_whose_letters_are_not_taken_is_read_no_further() -> None:
    async def story(world: World) -> None:
        world.letter_box.down_until = world.loop.time() + 120
        world.produce(1, fate=Fate.INVALID)
        world.start()
        await asyncio.sleep(5)
        world.produce(50)
        world.produce(50, partition=1)
        await asyncio.sleep(60)

        assert read_of(world, 0) == 1
        assert read_of(world, 1) == 50
        await asyncio.sleep(60)
        await world.settled(within=60)

    simulate(story, partitions=2)


def test_law_4_nothing_new_is_sent_while_no_commit_has_been_stored_for_ten_intervals() -> None:
    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        refusals = [(world.partition(0), Code.COORDINATOR_LOADING)] * 1_000
        world.group.refuse_next.extend(refusals)
        began = world.loop.time()
        while world.loop.time() < began + 40:
            world.produce(1)
            await asyncio.sleep(0.5)

        last = max(effect.at for effect in world.truth.effects)
        assert 5 < last - began < 10 * LIMITS.commit_interval + 2
        world.group.refuse_next.clear()
        await world.settled(within=30)

    simulate(story)


def test_law_6_a_closed_action_type_holds_no_other_back() -> None:
    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 60, "closed"))
        world.produce(50, action="closed", batch=1)
        first = world.start()
        await world.until(lambda: bool(first.watch.gates), within=30)
        await asyncio.sleep(10)
        others = world.produce(5, action="open")
        await asyncio.sleep(0.5)

        assert all(world.truth.executed(record) for record in others)
        assert {gate.split()[1] for gate in first.watch.gates} == {"closed"}

    simulate(story)


def test_law_6_what_waits_at_a_closed_gate_keeps_nobody_from_reading_on() -> None:
    """Enough stands ready only if it can be sent: else one action type's outage stopped all others."""

    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 120, "ill"))
        world.produce(700, action="ill")  # more than one poll
        well = world.produce(5, action="well")
        world.start()
        await asyncio.sleep(60)

        assert all(record in world.truth.settled for record in well)

    simulate(story)


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (Unknown(Answer("http_500", status=500), answered=True, gate="failing"), None),
        (Unknown(Answer("timeout"), gate="timeouts"), LIMITS.request_timeout),
        (Outage(Answer("http_403", status=403), "forbidden"), None),
    ],
    ids=["fails", "hangs", "is blocked"],
)
def test_law_6_a_type_that_is_ill_by_itself_does_not_prolong_an_outage_of_all(
    answer: Outcome, after: float | None
) -> None:
    """All that was left to probe with was of that type, which says nothing of the others: they are read."""
    refused = Outage(Answer("refused"), "unreachable", everywhere=True)

    async def story(world: World) -> None:
        ill = Down(world.loop.time() + 600, "ill", answer=answer, after=after)
        everything = Down(world.loop.time() + 20, None, answer=refused)
        world.foundry.downs.extend([everything, ill])
        world.produce(5, action="ill")
        first = world.start()
        await asyncio.sleep(60)
        (well,) = world.produce(1, action="well")
        await world.until(lambda: well in world.truth.settled, within=10)

        assert first.watch.gates[-1] == "opened all unreachable"

    simulate(story)


@pytest.mark.parametrize(
    "limits",
    [{"max_records": 400}, pytest.param({"max_bytes": 40_000}, marks=pytest.mark.slow)],
    ids=str,
)
def test_law_11_a_lane_that_stands_still_leaves_room_for_other_partitions(
    limits: dict[str, int],
) -> None:
    """What was read behind a record that could not be read back filled the memory, and every partition stood still."""

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(None, 0.02, Unknown(Answer("timeout"))))
        (stuck,) = world.produce(1, lane="a", repeat=Repeat.ASK)
        world.foundry.unreadable.add(stuck)
        world.start()
        await world.until(lambda: world.foundry.requests == 1)
        world.produce(1_000, lane="a", repeat=Repeat.ASK)
        await asyncio.sleep(60)
        well = world.produce(500, partition=1)
        await asyncio.sleep(60)

        assert world.truth.settled.keys() >= set(well)
        world.foundry.unreadable.clear()

    simulate(story, partitions=3, limits=replace(LIMITS, **limits), settles_within=3_000)


def test_law_11_partitions_that_are_lost_together_cost_one_look_at_what_is_queued() -> None:
    """Told by the answer to a commit; one look for each of 400 stopped the process for a second."""
    looks: list[int] = []

    class Counted(Lanes):
        def drop(self, gone: Callable[[Prepared], bool]) -> list[Prepared]:
            looks.append(len(self))
            return super().drop(gone)

    async def story(world: World) -> None:
        process = world.start()
        await world.until(lambda: process.source.coordination.assigned)
        assert process.core is not None
        process.core.workload.lanes.__class__ = Counted
        for number in range(40):
            world.produce(10, partition=number, lane=f"l{number}", batch=1)
        await world.until(lambda: world.foundry.requests >= 40)
        looks.clear()
        await evicted(world, process)

        assert any(CommitResult.LOST in results.values() for results in process.watch.commits)
        assert len(looks) < 20, looks

    simulate(story, partitions=40)


def test_law_11_nothing_is_kept_of_sessions_whose_requests_have_ended() -> None:
    async def story(world: World) -> None:
        process = world.start()
        coordination = process.source.coordination
        for _ in range(5):
            await world.until(lambda: coordination.assigned)
            world.foundry.plans.append(Plan(None, 14.0, Unknown(Answer("timeout"))))
            world.produce(1)
            await world.until(lambda: bool(process.actions.in_flight))
            await evicted(world, process)
            await asyncio.sleep(30)

        core = process.core
        assert core is not None
        (sessions,) = (
            found
            for found in gc.get_objects()
            if type(found) is Sessions and found._workload is core.workload
        )
        assert len(sessions._outlived_by) <= 1

    simulate(story)
