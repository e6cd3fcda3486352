"""The service as a process: started as its users start it, signalled as an orchestrator does."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import consumer
from deploy.local.kafka.child import Child

ROOT = Path(consumer.__file__).parent.parent
OURS = ("KAFKA_", "FOUNDRY_", "CONSUMER_", "OTEL_")
PATIENCE = 60.0
"""Seconds until a condition that does not come true fails a test: the machine may be busy."""
LAST_LINES = 25


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


class Service:
    """One process. It dies with the tests, however they end."""

    def __init__(self, config: Path, log: Path, *arguments: str, module: str = "consumer") -> None:
        self.log = log
        cleared = [f"-u{name}" for name in os.environ if name.startswith(OURS)]
        program = [sys.executable, "-m", module, *arguments, "--config", str(config)]
        # `env` becomes the program: the process that is signalled is the service itself.
        self._child = Child(["/usr/bin/env", *cleared, f"PYTHONPATH={ROOT}", *program], log)
        self._reaped = False

    @property
    def code(self) -> int | None:
        """Its exit code; None: it is running."""
        return self._child.process.poll()

    def kill(self) -> None:
        """SIGKILL; it is gone when this returns. Nothing to do where it was before."""
        if not self._reaped:
            self._child.kill()
            self._reaped = True

    def suspend(self) -> None:
        self._child.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._child.signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        self._child.signal(signal.SIGTERM)

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

    def lines(self) -> list[Mapping[str, Any]]:
        """Its log, so far as it is whole lines of JSON."""
        whole, _, _ = self.output.rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

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

    def tail(self) -> str:
        return "\n".join(self.output.splitlines()[-LAST_LINES:])
