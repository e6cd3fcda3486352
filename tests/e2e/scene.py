"""A test's stage: topics, the Foundry emulator, processes of the service, load, and witnesses of it all."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import islice
from pathlib import Path

from deploy.local.foundry import Client, Fault, Foundry, serve
from deploy.local.foundry.effects import Asked
from deploy.local.foundry.identity import ALL_SCOPES
from tests.e2e.jobs import Job, mixed
from tests.e2e.kafka import Kafka
from tests.e2e.ontology import ONTOLOGY
from tests.e2e.oracle import Effect, Evidence, Kill, Stored, Verdict, judge
from tests.e2e.service import PATIENCE, Service, until
from tests.e2e.settings import CLIENT, COMMIT_INTERVAL, REQUEST_TIMEOUT, settings

LATENCY = Fault("latency", low=0.02, high=0.06)
TICK = 0.1
LOOK_EVERY = 0.25
MANY = 1_000_000
LEAST_WORK = 30
"""Effects after which a process counts as at work."""


class Scene:
    """Made by `staged`."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self.kafka = kafka
        self.secret = f"canary-{secrets.token_hex(12)}"
        self.services: list[Service] = []
        self.kills: list[Kill] = []
        self.looks: list[Stored] = []
        self.latest: dict[int, Stored] = {}
        """By partition, the last look at the store."""
        self.foundry: Foundry
        self._jobs = mixed()
        self._folder = folder
        self._effects: list[Effect] = []
        self._taken = 0
        self._port = 0
        self._running: AsyncExitStack | None = None
        self._looked = 0
        self._killed: tuple[float, int] | None = None

    # Foundry

    async def open_foundry(self) -> None:
        """It listens, always at the same address; what it knew before is forgotten."""
        client = Client(CLIENT, {self.secret}, ALL_SCOPES)
        serving = serve(ONTOLOGY, port=self._port, clients=[client], faults=[LATENCY])
        async with AsyncExitStack() as running:
            self.foundry = await running.enter_async_context(serving)
            self._port = int(self.foundry.url.rpartition(":")[2])
            self._running = running.pop_all()

    async def close_foundry(self) -> None:
        """Connections are refused."""
        if self._running is not None:
            await self._running.aclose()
            self._effects = list(self.effects)  # the last of them, before it forgets
            self._running = None
            self._taken = 0

    @property
    def effects(self) -> Sequence[Effect]:
        """All that took effect so far; the sequence goes on over a restart of Foundry."""
        if self._running is not None:
            fresh = self.foundry.effects.since(self._taken, MANY)
            first = len(self._effects) + 1
            self._effects += [
                Effect(number, each.time, str(each.parameters["record"]))
                for number, each in enumerate(fresh, start=first)
            ]
            self._taken += len(fresh)
        return self._effects

    @contextmanager
    def fault(self, text: str, **given: object) -> Iterator[None]:
        """It is on as long as the block lasts."""
        switched = self.foundry.faults.switch_on(Fault(text, **given))  # type: ignore[arg-type]  # checked by itself
        try:
            yield
        finally:
            self.foundry.faults.clear(switched.id)

    def under_way(self, action: str) -> list[Asked]:
        """Requests of this action type that Foundry has not answered yet."""
        return [each for each in self.foundry.requests.under_way if f"/{action}/apply" in each.path]

    # The service

    def start(self, *arguments: str, **changes: Mapping[str, object]) -> Service:
        """`consumer run` with these settings, or another command."""
        return self._start("consumer", arguments or ("run",), changes)

    def start_with(self, defect: str, **changes: Mapping[str, object]) -> Service:
        """`consumer run` with a defect of `sabotage`, which has not begun."""
        return self._start("tests.e2e.sabotage", (defect, "run"), changes)

    def start_at_other_time(self, hours: int, **changes: Mapping[str, object]) -> Service:
        """`consumer run`, whose wall clock is set by so many hours when its defect begins."""
        return self._start("tests.e2e.wall", (str(hours), "run"), changes)

    def _start(
        self, module: str, arguments: Sequence[str], changes: Mapping[str, Mapping[str, object]]
    ) -> Service:
        number = len(self.services)
        config = self._folder / f"service-{number}.toml"
        secret = self._folder / "client_secret"
        secret.touch(mode=0o600)
        secret.write_text(self.secret)
        config.write_text(settings(self.kafka, self.foundry.url, secret, changes))
        log = self._folder / f"service-{number}.log"
        service = Service(config, log, *arguments, module=module)
        self.services.append(service)
        return service

    async def start_to_work(self, **changes: Mapping[str, object]) -> Service:
        """The same, at work: effects come in."""
        service = self.start(**changes)
        await service.says("assigned")
        await self.progress()
        return service

    async def start_to_work_on(self, jobs: int, **changes: Mapping[str, object]) -> Service:
        """As `start_to_work`, with that many jobs and no load: for what the publisher would not outlive."""
        service = self.start(**changes)
        await service.says("assigned")
        await self.publish(jobs)
        await self.progress()
        return service

    async def progress(self, effects: int = LEAST_WORK) -> None:
        """So many more effects have come in."""
        before = len(self.effects)
        await self.until(lambda: len(self.effects) >= before + effects, f"{effects} more effects")

    async def until(
        self, holds: Callable[[], object], what: str, *, within: float = PATIENCE
    ) -> None:
        await until(holds, what, within=within, tell=self._tails)

    def _tails(self) -> str:
        return "\n".join(f"--- {each.log.name}\n{each.tail()}" for each in self.services[-2:])

    # Load, and what came of it

    async def publish(self, number: int) -> None:
        await self.kafka.publish(islice(self._jobs, number))

    @asynccontextmanager
    async def load(self, rate: int = 150, **mix: object) -> AsyncIterator[None]:
        """So many jobs a second are published as long as the block lasts."""
        if mix:
            self._jobs = mixed(**mix)  # type: ignore[arg-type]  # as there
        stopped = asyncio.Event()

        async def run() -> None:
            owed, last = 0.0, time.monotonic()
            while not stopped.is_set():
                now = time.monotonic()
                owed, last = min(owed + (now - last) * rate, rate), now
                await self.publish(int(owed))
                owed -= int(owed)
                await asyncio.sleep(TICK)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run(), name="load")
            try:
                yield
            finally:
                stopped.set()

    async def look(self) -> None:
        """Look at the store."""
        self._looked += 1
        for stored in await self.kafka.stored():
            self.looks.append(stored)
            self.latest[stored.partition] = stored

    async def watch(self) -> None:
        """Look at the store for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    def kill(self, service: Service) -> None:
        """SIGKILL, now: what was in flight at this moment is counted."""
        self._killed = time.time(), self.foundry.in_flight
        service.kill()

    def suspend(self, service: Service) -> None:
        """SIGSTOP, now; to the others it is as good as dead."""
        self._killed = time.time(), self.foundry.in_flight
        service.suspend()

    def note_end(self) -> None:
        """A process has ended, just now, without saying all that it did."""
        self._killed = time.time(), 0

    def note_cut(self, when: float) -> None:
        """What is under way may be applied without its answer coming through, whatever was committed."""
        self.kills.append(Kill(when, {}, self.foundry.in_flight))

    async def note_kill(self) -> None:
        """What is in the store now is what the last one left that was killed. Call it before the next one is at work."""
        if self._killed is not None:
            when, in_flight = self._killed
            self._killed = None
            await self.look()
            self.kills.append(Kill(when, dict(self.latest), in_flight))

    async def look_again(self, times: int = 4) -> None:
        """The store has been looked at so often again: what is to be committed by now is."""
        wanted = self._looked + times
        await self.until(lambda: self._looked >= wanted, "the store is looked at")

    @property
    def watermarks(self) -> Mapping[int, int]:
        """By partition, as the store said last."""
        return {partition: look.offset for partition, look in self.latest.items()}

    @property
    def committed(self) -> bool:
        """All that was published is behind the watermark in the store."""
        return all(
            partition in self.latest and self.latest[partition].offset >= end
            for partition, end in self.kafka.ends.items()
            if end
        )

    async def settled(self) -> None:
        """Everything that was published is settled and committed; as long as that goes on it may take."""
        behind = self._behind

        def moved_on() -> bool:
            return self.committed or self._behind < behind

        while not self.committed:
            behind = self._behind
            await self.until(moved_on, f"the {behind} records behind the watermarks become fewer")

    @property
    def _behind(self) -> int:
        return sum(self.kafka.ends.values()) - sum(look.offset for look in self.latest.values())

    async def verdict(self) -> Verdict:
        evidence = Evidence(
            self.kafka.published,
            self.effects,
            await self.kafka.letters(),
            self.looks,
            self.kills,
            resend_window=10 * COMMIT_INTERVAL + REQUEST_TIMEOUT,
        )
        return judge(evidence)

    # The end

    def refuse_told_secrets(self) -> None:
        """No secret and no token stands in what any process has written, at log level debug."""
        known = {self.secret, *self.foundry.identity._tokens}
        for service in self.services:
            told = [secret for secret in known if secret in service.output]
            assert not told, f"{service.log.name} tells {len(told)} secrets"

    def kill_all(self) -> None:
        for service in self.services:
            service.kill()


@asynccontextmanager
async def staged(kafka: Kafka, folder: Path) -> AsyncIterator[Scene]:
    """With Foundry listening and the store being watched. At the end nothing is left running."""
    scene = Scene(kafka, folder)
    await scene.open_foundry()
    watching = asyncio.create_task(scene.watch(), name="watch")
    try:
        yield scene
        scene.refuse_told_secrets()
        if watching.done():
            watching.result()
    finally:
        watching.cancel()
        await asyncio.wait({watching})
        scene.kill_all()
        await scene.close_foundry()


def jobs_of(kind: str, number: int, *, prefix: str, lanes: int = 40) -> list[Job]:
    """In lanes of their own, which begin with `prefix`."""
    return list(islice(mixed(lanes, (kind,), prefix), number))
