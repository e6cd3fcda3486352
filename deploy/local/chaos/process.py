"""The service as a process: started as its users start it, and treated as badly as an orchestrator may."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.local.chaos.clock.sitecustomize import OFFSET_FILE
from deploy.local.chaos.failpoint import ORDER_FILE, TASKS
from deploy.local.kafka.child import Child

OURS = ("KAFKA_", "FOUNDRY_", "CONSUMER_", "OTEL_")
CLOCK = Path(__file__).parent / "clock"
LAST_LINES = 25
STOPS_WITHIN = 45.0
LOOK_EVERY = 0.1


class Consumer:
    """One process. It dies with this program, however that ends."""

    def __init__(
        self,
        config: Path,
        log: Path,
        path: Sequence[Path],
        *,
        module: str = "consumer",
        arguments: Sequence[str] = ("run",),
        clock: Path | None = None,
    ) -> None:
        """`path`: where the program and the contracts are imported from, the first first.

        `clock`: the file with the seconds that its wall clock is ahead; None: it has the real one.
        """
        self.log = log
        self.orders = log.with_suffix(".order")
        """Where a patched copy of the program looks what it is to do to itself."""
        cleared = [f"-u{name}" for name in os.environ if name.startswith(OURS)]
        jumping = [] if clock is None else [f"{OFFSET_FILE}={clock}"]
        first = [] if clock is None else [CLOCK]
        where = os.pathsep.join(map(str, [*first, *path]))
        # Not from the working directory, which would come before the path; `env` becomes the program.
        command = [
            "/usr/bin/env",
            *cleared,
            f"PYTHONPATH={where}",
            "PYTHONDONTWRITEBYTECODE=1",
            f"{ORDER_FILE}={self.orders}",
            *jumping,
            *(sys.executable, "-m", module, *arguments, "--config", str(config)),
        ]
        self._child = Child(command, log, log.parent)
        self._reaped = False
        self.suspended = False
        self.doomed = False
        """It is to end without being asked to."""

    @property
    def code(self) -> int | None:
        """Its exit code; None: it is running."""
        return self._child.process.poll()

    @property
    def alive(self) -> bool:
        return self.code is None

    @property
    def pid(self) -> int:
        return self._child.process.pid

    def tasks(self) -> int | None:
        """How many it said last that it has; None: nothing of it, which only a patched copy does."""
        told = self.orders.with_name(self.orders.name + TASKS)
        return int(json.loads(told.read_text())) if told.exists() else None

    def kill(self) -> None:
        """SIGKILL; it is gone when this returns."""
        if not self._reaped:
            self._reaped = True
            self._child.kill()

    def suspend(self) -> None:
        self.suspended = True
        self._child.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.suspended = False
        self._child.signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        self._child.signal(signal.SIGTERM)

    async def stop(self) -> int:
        """SIGTERM; its exit code, -9 where it had to be killed."""
        if self.suspended:
            self.resume()
        self._reaped = True
        await asyncio.to_thread(self._child.terminate, STOPS_WITHIN)
        return int(self._child.process.returncode)

    def lines(self) -> list[Mapping[str, Any]]:
        """Its log, so far as it is whole lines of JSON."""
        whole, _, _ = self.log.read_text(errors="replace").rpartition("\n")
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    async def assigned(self, within: float) -> bool:
        """True as soon as it has said that it has partitions."""
        async with asyncio.timeout(within):
            while not any(line.get("event") == "assigned" for line in self.lines()):
                if not self.alive:
                    return False
                await asyncio.sleep(LOOK_EVERY)
        return True

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LAST_LINES:])
