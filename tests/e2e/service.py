"""The service as a process: started as its users start it, signalled as an orchestrator does."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import consumer
from deploy.local.chaos.process import Consumer

ROOT = Path(consumer.__file__).parent.parent
PATIENCE = 60.0
"""Seconds until a condition that does not come true fails a test: the machine may be busy."""


async def until(
    holds: Callable[[], object],
    what: str,
    *,
    within: float = PATIENCE,
    tell: Callable[[], str] = str,
) -> None:
    """Wait until it gives something true.

    Raises:
        AssertionError: it does not in time; the message says what, and what `tell` tells.
    """
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not in {within:g} s: {what}\n{tell()}"
        await asyncio.sleep(0.03)


class Service(Consumer):
    """One process. It dies with the tests, however they end."""

    def __init__(self, config: Path, log: Path, *arguments: str, module: str = "consumer") -> None:
        super().__init__(config, log, [ROOT], module=module, arguments=arguments)

    def begin_defect(self) -> None:
        """What `sabotage` put into it."""
        self._child.signal(signal.SIGUSR1)

    async def ended(self, within: float = PATIENCE) -> int:
        """Its exit code, once it has ended."""
        await until(
            lambda: self.code is not None, "the service ends", within=within, tell=self.tail
        )
        self.kill()  # its watcher ends too
        assert self.code is not None
        return self.code

    @property
    def output(self) -> str:
        return self.log.read_text()

    def said(self, event: str) -> list[Mapping[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]

    async def says(self, event: str, times: int = 1, within: float = PATIENCE) -> Mapping[str, Any]:
        """The line with which it says so for the `times`th time."""
        await until(lambda: len(self.said(event)) >= times, event, within=within, tell=self.tail)
        return self.said(event)[times - 1]

    @property
    def partitions(self) -> int:
        """How many it has, as it said last."""
        said = [line for line in self.lines() if line["event"] in {"assigned", "revoked"}]
        return said[-1]["count"] if said and said[-1]["event"] == "assigned" else 0
