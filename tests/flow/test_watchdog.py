"""The watchdog lives through every world without a false alarm, and finds what is stuck on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

import pytest

from consumer.model import Partition, Record, Repeat, Request, Unreadable
from consumer.outcomes import Answer, Outage, Outcome, Unknown
from consumer.ports import Actions, Source
from consumer.state.limits import Limits, Retry
from consumer.state.vitals import Verdict
from consumer.store import Commit, CommitResult, Session
from tests.fakes.foundry import Down, Plan
from tests.fakes.log import Fate
from tests.flow.process import Ports, Service
from tests.flow.random_world import random_world
from tests.flow.simulate import simulate
from tests.flow.watched import Watched, watched
from tests.flow.world import LIMITS, RETRY, World

SHARE = 25
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


# Stuck on purpose ---------------------------------------------------------------------------------


class Failing:
    """Passes everything on to a port, until it is told to hang."""

    def __init__(self) -> None:
        self.hangs = asyncio.Event()

    async def hang(self) -> None:
        await asyncio.Event().wait()


class FailingActions(Failing):
    """Requests that miss their deadline."""

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self._actions = actions

    async def send(self, request: Request) -> Outcome:
        if self.hangs.is_set():
            await self.hang()
        return await self._actions.send(request)

    def __getattr__(self, name: str) -> object:
        return getattr(self._actions, name)


class FailingSource(Failing):
    """A client library that does not return, or returns nothing any more."""

    def __init__(self, source: Source, *, poll: str = "", commit: str = "") -> None:
        super().__init__()
        self._source, self._poll, self._commit = source, poll, commit

    async def poll(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        if self.hangs.is_set() and self._poll == "hangs":
            await self.hang()
        quiet = self.hangs.is_set() and self._poll == "is quiet"
        return await self._source.poll([] if quiet else wanted, max_records, wait)

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        if self.hangs.is_set() and self._commit == "hangs":
            await self.hang()
        return await self._source.commit(session, commits)

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)


def _broken_actions(ports: Ports) -> tuple[Ports, Failing]:
    actions = FailingActions(ports.actions)
    return replace(ports, actions=actions), actions  # type: ignore[arg-type]  # the rest is passed on


def _broken_source(**how: str) -> Callable[[Ports], tuple[Ports, Failing]]:
    def broken(ports: Ports) -> tuple[Ports, Failing]:
        source = FailingSource(ports.source, **how)
        return replace(ports, source=source), source  # type: ignore[arg-type]  # the rest is passed on

    return broken


STUCK = {
    "a request that misses its deadline": ("requests", _broken_actions),
    "a poll that does not return": ("poll", _broken_source(poll="hangs")),
    "a fetch that gives nothing any more": ("fetch", _broken_source(poll="is quiet")),
    "a commit that does not return": ("commits", _broken_source(commit="hangs")),
}


@pytest.mark.parametrize("kind", STUCK)
def test_what_is_stuck_is_found_and_a_restart_mends_it(kind: str) -> None:
    """The next process goes on, and no law is broken by the end of this one."""
    part, break_it = STUCK[kind]
    verdicts: list[Verdict] = []
    failing: list[Failing] = []

    def service(ports: Ports) -> Service:
        if not failing:
            ports, broken = break_it(ports)
            failing.append(broken)
        return Watched(ports, verdicts.append)

    async def story(world: World) -> None:
        first = world.start()
        world.produce(20, lane="a")
        await world.settled()
        failing[0].hangs.set()
        await asyncio.sleep(2)  # what was polled for before is through
        world.produce(20, lane="a")
        began = world.loop.time()
        await world.until(lambda: bool(verdicts), what="a verdict")
        assert world.loop.time() - began < 300
        world.kill(first)
        world.start()

    simulate(story, service=service)

    assert [verdict.part for verdict in verdicts] == [part]


def test_slots_that_nobody_wakes_are_found() -> None:
    verdicts: list[Verdict] = []

    async def story(world: World) -> None:
        first = world.start()
        world.produce(20, lane="a")
        await world.settled()
        assert isinstance(first.service, Watched)
        running = first.service.core._running
        assert running is not None
        running[0]._idle.clear()  # as if each of them had been woken, and had not looked
        world.produce(20, lane="a")
        await world.until(lambda: bool(verdicts), what="a verdict")
        world.kill(first)
        world.start()

    simulate(story, service=watched(verdicts))

    assert [verdict.part for verdict in verdicts] == ["work"]
    assert "none of 20 records was settled" in verdicts[0].why


def test_tasks_of_the_client_that_have_died_are_found() -> None:
    verdicts: list[Verdict] = []
    gone: list[str] = []

    async def story(world: World) -> None:
        world.start()
        await asyncio.sleep(50)
        gone.append("metadata task")
        await world.until(lambda: bool(verdicts), within=30, what="a verdict")

    simulate(story, service=lambda ports: Watched(ports, verdicts.append, ended=lambda: list(gone)))

    assert verdicts[0].part == "client"
    assert "metadata task" in verdicts[0].why
