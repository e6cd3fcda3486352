"""One process of the simulation: a core on its own source, that can be stopped, killed, frozen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from consumer.dispatch import Dispatch
from consumer.errors import Rejected
from consumer.model import Ignored, Prepared, Record, Unreadable
from consumer.ports import Actions, Clock, DeadLetters, Source, Watch
from consumer.state.budget import LetterBudget
from consumer.state.limits import Limits, Retry
from tests.fakes.actions import FakeActions
from tests.fakes.dead_letters import FakeDeadLetters
from tests.fakes.source import FakeSource
from tests.fakes.watch import FakeWatch
from tests.virtual_time import Host, VirtualLoop

Prepare = Callable[[Record | Unreadable], Prepared | Ignored | Rejected]


@dataclass(frozen=True, slots=True)
class Ports:
    """All that a core is given."""

    source: Source
    actions: Actions
    dead_letters: DeadLetters
    clock: Clock
    watch: Watch
    prepare: Prepare
    limits: Limits
    retry: Retry
    budget: LetterBudget
    rng: random.Random


class Service(Protocol):
    """What a process runs: the core, or a wrong one to prove that its faults are caught."""

    async def run(self) -> object: ...

    def stop(self) -> None: ...


def core(ports: Ports) -> Service:
    """The real one."""
    return Dispatch(
        ports.source,
        ports.actions,
        ports.dead_letters,
        ports.clock,
        ports.watch,
        ports.prepare,
        limits=ports.limits,
        retry=ports.retry,
        budget=ports.budget,
        rng=ports.rng,
    )


@dataclass(slots=True)
class Process:
    """Fakes of its own, tasks of its own."""

    name: str
    host: Host
    source: FakeSource
    actions: FakeActions
    dead_letters: FakeDeadLetters
    watch: FakeWatch
    service: Service
    task: asyncio.Task[Any] | None = None
    killed: bool = False
    stopping: bool = False

    @property
    def running(self) -> bool:
        """Its core has begun and not ended; frozen counts, killed does not."""
        return self.task is not None and not self.task.done() and not self.killed

    def kill(self) -> None:
        """As with SIGKILL: no step more, no cleanup; what was sent before is on its way."""
        self.killed = True
        self.host.frozen = True
        if self.source.membership is not None:
            self.source.membership.spoil("killed")

    def pause(self) -> None:
        """As with SIGSTOP: it stands still, and will not know."""
        self.host.frozen = True

    def pauses_sending(self) -> None:
        """As with an operator's `POST /pause`."""
        if self.core is not None:
            self.host.context.copy().run(self.core.pause)

    def resumes_sending(self) -> None:
        """As with an operator's `POST /resume`."""
        if self.core is not None:
            self.host.context.copy().run(self.core.resume)

    def held(self) -> bool:
        """It waits for an operator."""
        return self.core is not None and self.core.gate.held_for_all

    @property
    def core(self) -> Dispatch | None:
        """The real core, watched or not; None where a wrong one runs."""
        found = getattr(self.service, "core", self.service)
        return found if isinstance(found, Dispatch) else None

    def faults_end(self) -> None:
        """No answer to it is lost any more, and no kill of it is planned."""
        self.source.lose_next_answers.clear()
        self.host.alarm_at = None

    def resume(self, loop: VirtualLoop) -> None:
        """As with SIGCONT; a killed one stays dead."""
        if not self.killed:
            loop.thaw(self.host)
