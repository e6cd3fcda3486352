"""What is told of each partition is so: how far it is, how far behind, and how old."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import pytest

from consumer.dispatch import Dispatch
from consumer.errors import Unavailable
from consumer.model import Partition, Repeat
from consumer.outcomes import Answer, Unknown
from consumer.telemetry.progress import ASK_EVERY, Progress, Standing
from tests.fakes.foundry import Down, Plan
from tests.fakes.log import Fate, Spec
from tests.fakes.source import FakeSource
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import World
from tests.telemetry.values import logged

EPOCH = 1_700_000_000.0
"""What the calendar says when the clock of the simulation says 0."""


def follow(world: World, process: Process) -> tuple[Progress, asyncio.Task[None]]:
    core = process.service
    assert isinstance(core, Dispatch)
    now = world.loop.time
    progress = Progress(core.workload, process.source, now, lambda: EPOCH + now())
    return progress, world.loop.create_task(progress.follow())


def the_one(progress: Progress) -> Standing:
    (standing,) = progress.standings()
    return standing


def test_what_is_settled_is_neither_behind_nor_old() -> None:
    async def story(world: World) -> None:
        progress, task = follow(world, world.start())
        world.produce(50)
        await world.settled()
        await asyncio.sleep(ASK_EVERY + 1)

        standing = the_one(progress)

        end = world.log.end(world.partition(0))
        assert (standing.position, standing.watermark, standing.end) == (end, end, end)
        assert (standing.lag, standing.oldest_seconds, standing.stuck) == (0, 0, None)
        task.cancel()

    simulate(story)


def test_in_an_outage_the_lag_counts_what_is_taken_in_and_what_is_not_even_read() -> None:
    """A lag that only counts what is unread stands at 0 while nothing is applied."""

    async def story(world: World) -> None:
        progress, task = follow(world, world.start())
        world.foundry.downs.append(Down(world.loop.time() + 600, None))
        world.produce(3_000)
        await asyncio.sleep(60)
        world.produce(500)
        await asyncio.sleep(ASK_EVERY + 2)

        standing = the_one(progress)

        assert 0 < standing.unsettled <= 1_000
        assert standing.lag == 3_500
        assert standing.oldest_seconds == pytest.approx(67, abs=2)
        task.cancel()

    simulate(story)


def test_what_is_done_above_the_watermark_is_not_behind() -> None:
    async def story(world: World) -> None:
        progress, task = follow(world, world.start())
        world.letter_box.down_until = world.loop.time() + 60
        world.produce(1, fate=Fate.INVALID)
        world.produce(20)
        await asyncio.sleep(ASK_EVERY + 2)

        standing = the_one(progress)

        assert standing.lag == standing.unsettled == 1
        assert (standing.stuck or "").startswith("letter for offset 0 cannot be written: ")
        task.cancel()

    simulate(story)


def test_what_cannot_be_read_back_is_named_as_long_as_it_waits() -> None:
    async def story(world: World) -> None:
        progress, task = follow(world, world.start())
        world.foundry.plans.append(Plan(None, 0.02, Unknown(Answer("disconnected"))))
        ((_, offset),) = world.produce(1, repeat=Repeat.ASK, batch=1)
        world.foundry.reads_down_until = world.loop.time() + 200
        await asyncio.sleep(150)
        stuck = the_one(progress).stuck or ""
        await world.settled()

        assert stuck.startswith(f"offset {offset} may have been applied, and reading it back fails")
        assert "skip the offset" in stuck
        assert the_one(progress).stuck is None
        task.cancel()

    simulate(story)


@pytest.mark.parametrize(
    ("said", "age"), [(-3_600, 3_605), (+3_600, 5), (None, 5)], ids=["old", "future", "unknown"]
)
def test_a_record_is_as_old_as_it_says_where_that_can_be(said: float | None, age: float) -> None:
    async def story(world: World) -> None:
        progress, task = follow(world, world.start())
        world.foundry.downs.append(Down(world.loop.time() + 30, None))
        await asyncio.sleep(1)
        milliseconds = -1 if said is None else int((EPOCH + world.loop.time() + said) * 1000)
        world.log.produce(world.partition(0), Spec(), timestamp=milliseconds)
        await asyncio.sleep(5)

        assert the_one(progress).oldest_seconds == pytest.approx(age, abs=1)
        task.cancel()

    simulate(story)


def test_a_partition_of_which_nothing_can_be_read_grows_old_too() -> None:
    async def story(world: World) -> None:
        process = world.start()
        progress, task = follow(world, process)
        await asyncio.sleep(1)
        core = process.service
        assert isinstance(core, Dispatch)
        (tenure,) = core.workload.all_tenures
        tenure.held = "somebody has to look"
        await asyncio.sleep(1)  # a poll is under way that still asks for it
        world.produce(5)
        await asyncio.sleep(60)

        standing = the_one(progress)
        assert (standing.unsettled, standing.lag) == (0, 5)
        assert standing.stuck == "somebody has to look"
        assert standing.oldest_seconds == pytest.approx(58, abs=4)

        tenure.held = None
        await world.settled()
        assert the_one(progress).oldest_seconds == 0
        task.cancel()

    simulate(story)


def test_only_what_is_assigned_is_told_and_its_lag_only_once_it_is_known() -> None:
    async def story(world: World) -> None:
        process = world.start()
        core = process.service
        assert isinstance(core, Dispatch)
        progress = Progress(core.workload, process.source, world.loop.time)
        before = progress.standings()
        world.produce(5)
        await world.settled()

        assert before == []
        assert the_one(progress).lag is None
        await world.stop(process)
        assert progress.standings() == []

    simulate(story)


class Silent:
    """The same source, of which the ends are not told for a while."""

    def __init__(self, source: FakeSource, until: float, loop: asyncio.AbstractEventLoop) -> None:
        self._source, self._until, self._loop = source, until, loop
        self.asked = 0

    @property
    def stuck(self) -> Mapping[Partition, str]:
        return self._source.stuck

    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        self.asked += 1
        if self._loop.time() < self._until:
            raise Unavailable("no broker tells")
        return await self._source.end_offsets(partitions)


def test_brokers_that_do_not_tell_are_asked_again_but_not_more_often_and_said_once() -> None:
    async def story(world: World) -> None:
        process = world.start()
        core = process.service
        assert isinstance(core, Dispatch)
        silent = Silent(process.source, world.loop.time() + 60, world.loop)
        progress = Progress(core.workload, silent, world.loop.time)
        task = world.loop.create_task(progress.follow())
        world.produce(5)
        with logged() as lines:
            await asyncio.sleep(50)
            unknown, asked = the_one(progress).lag, silent.asked
            await asyncio.sleep(20)

        assert unknown is None
        assert 5 <= asked <= 50 / ASK_EVERY + 1
        assert the_one(progress).lag == 0
        assert len(lines.of("end offsets are not known")) == 1
        task.cancel()

    simulate(story)


class Leaderless(Silent):
    """The same source, of which one partition has no leader: of those that are asked for with it no end is told."""

    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        if len(partitions) > 1 or {number for _, number in partitions} == {1}:
            await asyncio.sleep(15)
            raise Unavailable("no leader")
        return await super().end_offsets(partitions)


def test_a_partition_without_a_leader_hides_no_other_ones_lag() -> None:
    async def story(world: World) -> None:
        process = world.start()
        core = process.service
        assert isinstance(core, Dispatch)
        progress = Progress(
            core.workload, Leaderless(process.source, 0, world.loop), world.loop.time
        )
        task = world.loop.create_task(progress.follow())
        world.foundry.downs.append(Down(world.loop.time() + 600, None))
        await asyncio.sleep(60)
        world.produce(3_000)
        await asyncio.sleep(60)

        assert [standing.lag for standing in progress.standings()] == [3_000, None]
        task.cancel()

    simulate(story, partitions=2)


def test_an_end_that_is_told_no_longer_is_none_once_it_is_passed() -> None:
    """Else the lag would be told as 0 for as long as the brokers tell no ends, whatever is behind."""

    async def story(world: World) -> None:
        process = world.start()
        core = process.service
        assert isinstance(core, Dispatch)
        silent = Silent(process.source, 0, world.loop)
        progress = Progress(core.workload, silent, world.loop.time)
        task = world.loop.create_task(progress.follow())
        world.produce(5)
        await asyncio.sleep(20)
        known = the_one(progress).lag
        silent._until = world.loop.time() + 600
        world.produce(5)
        await asyncio.sleep(20)

        assert (known, the_one(progress).lag) == (0, None)
        task.cancel()

    simulate(story)
