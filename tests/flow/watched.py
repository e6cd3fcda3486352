"""A core with its watchdog beside it, as a process has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from consumer.app.watchdog import Watchdog
from consumer.app.watched import WatchedSource
from consumer.dispatch import Dispatch
from consumer.state.vitals import Patience, Verdict
from tests.flow.process import Ports, Service

TIGHT = Patience(poll=75.0, commit=15.0, request=20.0, work=30.0, fetch=150.0, frozen=10.0)
"""Below what the service itself has; its requests end within 15 s."""
LEASE = 30.0
"""The lesser of the fake group's timeouts."""


class Watched:
    """What a process runs. The verdict is told, and ends nothing: the test judges it."""

    def __init__(
        self,
        ports: Ports,
        tell: Callable[[Verdict], None],
        *,
        patience: Patience = TIGHT,
        ended: Callable[[], Collection[str]] = tuple,
    ) -> None:
        source = WatchedSource(ports.source, ports.clock, lease_length=LEASE)
        self.core = Dispatch(
            source,
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
        self._tell = tell
        self.found_anew = 0
        self._watchdog = Watchdog(
            self.core.work,
            source,
            ports.clock,
            patience,
            ended=ended,
            find_anew=self._find_anew,
            stuck=self._stuck,
        )

    async def run(self) -> bool:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watchdog.run(), name="watchdog")
            complete = await self.core.run()
            watching.cancel()
        return complete

    def stop(self) -> None:
        self.core.stop()

    async def _find_anew(self) -> None:
        self.found_anew += 1

    def _stuck(self) -> None:
        if self._watchdog.verdict is not None:
            self._tell(self._watchdog.verdict)


def watched(verdicts: list[Verdict], patience: Patience = TIGHT) -> Callable[[Ports], Service]:
    """For `Options.service`: what any process's watchdog says goes into the list."""
    return lambda ports: Watched(ports, verdicts.append, patience=patience)
