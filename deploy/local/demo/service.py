"""The service under way: started, killed, stopped; and what its log says of the gate."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NoReturn, Self

from deploy.local.demo.failed import DemoFailed
from deploy.local.demo.world import STOP_TIMEOUT, World
from deploy.local.kafka.child import Child

LAST_LINES = 15
LOOK_EVERY = 0.5


class Service:
    """One process of the service at a time; its log goes on over a restart."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._child: Child | None = None
        self._read = 0
        self._closed: set[tuple[str, str]] = set()
        self.state = "starting"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._child.terminate(STOP_TIMEOUT)

    def start(self) -> None:
        self._child = self._world.start_service()
        self.state = "starting"

    def kill(self) -> float:
        """SIGKILL. When it was, in seconds since the epoch."""
        when = time.time()
        self._running.kill()
        self._child = None
        self._closed.clear()
        self.state = "killed"
        return when

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        child, self._child = self._running, None
        await asyncio.to_thread(child.terminate, STOP_TIMEOUT)
        return child.process.returncode

    def look(self) -> None:
        """Read on in its log.

        Raises:
            DemoFailed: it has ended by itself; the message shows the end of its log.
        """
        for line in self._fresh_lines():
            self._take(line)
        if self._child is not None and not self._child.alive:
            code = self._child.process.returncode
            raise DemoFailed(f"the service ended by itself with {code}:\n{self._tail()}")

    async def ended(self) -> NoReturn:
        """Wait for its end, which is a fault. Raises DemoFailed."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_EVERY)

    @property
    def gate(self) -> str:
        return ", ".join(sorted({reason for _, reason in self._closed})) or "open"

    @property
    def _running(self) -> Child:
        if self._child is None:
            raise DemoFailed("the service is not running")
        return self._child

    def _take(self, line: dict[str, Any]) -> None:
        match line.get("event"):
            case "gate closed":
                self._closed.add((str(line.get("scope")), str(line.get("reason"))))
            case "gate opened":
                self._closed.discard((str(line.get("scope")), str(line.get("reason"))))
            case "assigned":
                self.state = "running"
            case _:
                pass

    def _fresh_lines(self) -> Iterator[dict[str, Any]]:
        with self._world.log.open("rb") as log:
            log.seek(self._read)
            fresh = log.read()
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            if line.startswith(b"{"):
                yield json.loads(line)

    def _tail(self) -> str:
        return "\n".join(self._world.log.read_text().splitlines()[-LAST_LINES:])
