"""The watchdog finds what is stuck, here on purpose, and a restart mends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import pytest

from consumer.errors import Unavailable
from consumer.model import Partition, Record, Request, Unreadable
from consumer.outcomes import Outcome
from consumer.ports import Actions, Source
from consumer.state.vitals import Patience, Verdict
from consumer.store import Commit, CommitResult, Session
from tests.flow.process import Ports, Service
from tests.flow.simulate import simulate
from tests.flow.watched import Watched, watched
from tests.flow.world import World


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


class SilentSource:
    """A partition without a leader: of all that are asked for together no end is told, after a long wait."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def end_offsets(self, _: Collection[Partition]) -> Mapping[Partition, int]:
        await asyncio.sleep(15)
        raise Unavailable("no leader")

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
        parts = first.service.core._parts
        assert parts is not None
        parts.submit._idle.clear()  # as if each of them had been woken, and had not looked
        world.produce(20, lane="a")
        await world.until(lambda: bool(verdicts), what="a verdict")
        world.kill(first)
        world.start()

    simulate(story, service=watched(verdicts))

    assert [verdict.part for verdict in verdicts] == ["work"]
    assert "none of 20 records has been settled" in verdicts[0].why


def test_a_broker_that_tells_no_ends_does_not_keep_the_watchdog_from_looking() -> None:
    """Its question takes longer than the pause that counts as a freeze, and comes oftener than patience ends."""
    verdicts: list[Verdict] = []
    failing: list[Failing] = []
    patience = Patience(poll=120, commit=60, request=75, work=180, fetch=300, frozen=10)

    def service(ports: Ports) -> Service:
        if not failing:
            ports, broken = _broken_actions(ports)
            ports = replace(ports, source=SilentSource(ports.source))  # type: ignore[arg-type]  # as above
            failing.append(broken)
        return Watched(ports, verdicts.append, patience=patience)

    async def story(world: World) -> None:
        first = world.start()
        await asyncio.sleep(200)
        failing[0].hangs.set()
        world.produce(1, lane="a")
        await world.until(lambda: bool(verdicts), within=200, what="a verdict")
        world.kill(first)
        world.start()

    simulate(story, service=service)

    assert [verdict.part for verdict in verdicts] == ["requests"]


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
