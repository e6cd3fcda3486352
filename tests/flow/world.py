"""A broker, Foundry, dead letters and some processes, in virtual time; every run ends with the laws checked."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from consumer.model import Partition
from consumer.state.budget import LetterBudget
from consumer.state.limits import Limits, Retry
from tests.fakes.actions import FakeActions
from tests.fakes.clock import VirtualClock
from tests.fakes.dead_letters import FakeDeadLetters, LetterBox
from tests.fakes.foundry import FakeFoundry
from tests.fakes.group import FakeGroup
from tests.fakes.log import Coordinate, FakeLog, Spec
from tests.fakes.marks import Marks
from tests.fakes.membership import Memberships
from tests.fakes.network import Network
from tests.fakes.pipeline import FakePipeline
from tests.fakes.source import FakeSource
from tests.fakes.truth import Truth, name
from tests.fakes.watch import FakeWatch
from tests.flow import laws
from tests.flow.process import Ports, Process, Service, core
from tests.virtual_time import VirtualLoop

TOPIC = "t"

LIMITS = Limits(
    max_records=1_000,
    max_bytes=1_000_000,
    max_span=12_000,
    max_in_flight=4,
    batch_size=20,
    commit_interval=1.0,
    request_timeout=15.0,
    settle_time=10.0,
)
RETRY = Retry(initial=0.2, maximum=5.0, attempts=5)


@dataclass(frozen=True, slots=True)
class Options:
    """What a world is made of."""

    partitions: int = 1
    limits: Limits = LIMITS
    retry: Retry = RETRY
    burst: int = 100
    """Letters that a process may write before a success pays for the next one..."""
    ratio: float = 0.05
    """...with so much of a letter."""
    service: Callable[[Ports], Service] = core
    shuffled: bool = True
    """Ready steps are taken in any order."""
    settles_within: float = 600.0
    """Virtual seconds after the last fault in which everything has to be settled."""


@dataclass(slots=True)
class World:
    """Built inside a running virtual loop."""

    seed: int
    options: Options
    rng: random.Random = field(init=False)
    loop: VirtualLoop = field(init=False)
    log: FakeLog = field(init=False)
    truth: Truth = field(init=False)
    group: FakeGroup = field(init=False)
    network: Network = field(init=False)
    foundry: FakeFoundry = field(init=False)
    letter_box: LetterBox = field(init=False)
    memberships: Memberships = field(init=False)
    processes: list[Process] = field(default_factory=list)
    evicted_by_hand: bool = False
    """An administrator removed a member: no lease covers that, so only `never` is promised."""

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop, self.rng, limits = loop, random.Random(self.seed), self.options.limits
        self.log = FakeLog()
        for number in range(self.options.partitions):
            self.log.create(self.partition(number), start=self.rng.choice((0, 0, 7)))
        self.truth = Truth(self.log, loop.time, loop.fail)
        self.memberships = Memberships(self.truth, limits.max_in_flight * limits.batch_size)
        self.group = FakeGroup(
            self.log.partitions, loop.time, self.truth.note, self.memberships.evicted
        )
        self.network = Network(self.rng)
        self.foundry = FakeFoundry(self.truth, self.rng, limits.request_timeout, limits.settle_time)
        self.letter_box = LetterBox(self.rng)

    # What happens in it --------------------------------------------------------------------------

    @staticmethod
    def partition(number: int) -> Partition:
        return Partition(TOPIC, number)

    def produce(self, count: int = 1, *, partition: int = 0, **spec: Any) -> list[Coordinate]:
        """So many records; the fields of `Spec` say which."""
        made = Spec(**spec)
        return [self.log.produce(self.partition(partition), made) for _ in range(count)]

    def start(self) -> Process:
        """A new process."""
        number = len(self.processes) + 1
        process = self._process(f"p{number}")
        self.truth.note(f"{process.name} starts")
        process.task = self.loop.create_task(
            process.service.run(), name=process.name, context=process.host.context
        )
        process.task.add_done_callback(lambda task: self._ended(process, task))
        self.processes.append(process)
        return process

    async def stop(self, process: Process) -> None:
        """As with SIGTERM; returns when its core has ended, or was killed meanwhile."""
        self.truth.note(f"{process.name} is told to stop")
        process.stopping = True
        process.host.context.copy().run(process.service.stop)
        while process.running:
            await asyncio.sleep(0.02)

    def kill(self, process: Process) -> None:
        self.truth.note(f"{process.name} is killed at step {process.host.steps}")
        process.kill()

    def kill_at(self, process: Process, step: int) -> None:
        """Before that step of its tasks: every await there is has a number."""
        process.host.alarm_at = step
        process.host.alarm = lambda: self.kill(process)

    async def pause(self, process: Process, seconds: float) -> None:
        """Freeze it, and let it go on after that time."""
        self.truth.note(f"{process.name} stands still for {seconds:.1f} s")
        process.pause()
        await asyncio.sleep(seconds)
        self.truth.note(f"{process.name} goes on")
        process.resume(self.loop)

    def rebalance(self) -> None:
        self.group.rebalance()

    def evict(self, process: Process) -> None:
        """By an administrator's hand."""
        self.evicted_by_hand = True
        self.group.evict(process.source.coordination.member)

    def silence(self, seconds: float) -> None:
        """The coordinator stands still."""
        self.truth.note(f"the coordinator is silent for {seconds:.1f} s")
        self.group.silent_until = self.network.silent_until = self.loop.time() + seconds

    def operators_look(self) -> None:
        """Whoever waits for an operator is resumed."""
        for process in self.alive:
            if process.held() and not process.host.frozen:
                self.truth.note(f"an operator resumes {process.name}")
                process.resumes_sending()

    def faults_end(self) -> None:
        """From here on all goes well."""
        self.truth.note("faults end")
        self.foundry.faults_end()
        self.log.cure()
        self.letter_box.faults_end()
        self.group.faults_end()
        for process in self.processes:
            process.faults_end()

    # What is waited for --------------------------------------------------------------------------

    async def until(
        self, fact: Callable[[], bool], *, within: float = 600.0, what: str = "it"
    ) -> None:
        """Until it is so.

        Raises:
            LawBroken: it did not come to be in that time.
        """
        deadline = self.loop.time() + within
        while not fact():
            if self.loop.time() > deadline:
                raise self.truth.broken("progress", f"{what} not within {within:g} s")
            await asyncio.sleep(0.05)

    async def settled(self, within: float | None = None, *, resumed: bool = False) -> None:
        """Until every record is settled; `resumed`: by an operator, each time that it is needed."""
        limit = self.options.settles_within if within is None else within
        deadline = self.loop.time() + limit
        while waiting := self.truth.unsettled():
            if resumed:
                self.operators_look()
            if self.loop.time() > deadline:
                told = " ".join(map(name, waiting))
                raise self.truth.broken("progress", f"not settled in {limit:g} s: {told}")
            await asyncio.sleep(0.25)

    def marks(self, partition: int = 0) -> Marks | None:
        """What the store says."""
        return Marks.read(self.group.store.get(self.partition(partition)))

    @property
    def alive(self) -> list[Process]:
        return [process for process in self.processes if process.running]

    async def finish(self) -> None:
        """Faults end, everything is settled and committed, all processes stop; then the laws are checked."""
        self.faults_end()
        for process in self.processes:
            process.resume(self.loop)
        if all(process.stopping for process in self.alive):
            self.start()
        await self.settled(resumed=True)
        await self.until(self._committed, what="committing everything")
        await self.until(self._nothing_kept, what="letting go of everything")
        for process in self.alive:
            await self.stop(process)
        # What was given up may still be executed: the harm of that has to be seen as well.
        await asyncio.sleep(self.options.limits.request_timeout + self.options.limits.settle_time)
        laws.check(
            self.truth,
            self.memberships,
            self.group,
            self.letter_box,
            never_only=self.evicted_by_hand,
        )

    def _committed(self) -> bool:
        self.operators_look()  # an heir reads again what a dead owner settled; its gate may be closed
        return laws.uncommitted(self.truth, self.group) is None

    def _nothing_kept(self) -> bool:
        self.operators_look()
        cores = [process.core for process in self.alive if process.core is not None]
        return all(laws.keeps_nothing(self.truth, core) for core in cores)

    # How it is built -----------------------------------------------------------------------------

    def _process(self, called: str) -> Process:
        host = self.loop.host(called)

        def alive() -> None:
            if self.loop.ended:
                raise asyncio.CancelledError

        rng = random.Random(self.rng.random())
        source = FakeSource(
            called,
            log=self.log,
            group=self.group,
            network=self.network,
            truth=self.truth,
            memberships=self.memberships,
            rng=rng,
            alive=alive,
        )
        actions = FakeActions(
            called,
            foundry=self.foundry,
            source=source,
            truth=self.truth,
            limits=self.options.limits,
            rng=rng,
            alive=alive,
        )
        source.coordination.in_flight = lambda: actions.in_flight
        letters = FakeDeadLetters(
            called, box=self.letter_box, source=source, truth=self.truth, alive=alive
        )
        watch = FakeWatch(called, self.truth)
        ports = Ports(
            source,
            actions,
            letters,
            VirtualClock(),
            watch,
            FakePipeline(self.truth, source).prepare,
            self.options.limits,
            self.options.retry,
            LetterBudget(burst=self.options.burst, ratio=self.options.ratio),
            rng,
        )
        service = host.context.run(self.options.service, ports)
        return Process(called, host, source, actions, letters, watch, service)

    def _ended(self, process: Process, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or self.loop.ended:
            return
        error = task.exception()
        self.truth.note(f"{process.name} ended: {error or task.result()!r}")
        if error is not None:
            self.loop.fail(error)
