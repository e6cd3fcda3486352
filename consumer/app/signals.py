"""SIGTERM and SIGINT: the first one stops gracefully, a second one ends the process, at any moment of a run."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final, Self

from consumer.app.guard import end_now
from consumer.telemetry import say

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_log = logging.getLogger(__name__)


class StopSignals:
    """Installed in the main thread while the block runs.

    These are the interpreter's handlers, not the loop's: a blocked loop would not run its own, so the stop's time
    limit would not begin and a second signal would not work.
    """

    def __init__(self, asked: Callable[[], None]) -> None:
        """`asked`: called in the signal handler at the first signal, so it must not wait for anything."""
        self._asked = asked
        self._stop: Callable[[], object] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: dict[signal.Signals, Any] = {}
        self.received: str | None = None
        """The name of the first signal; None: there was none."""

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def call(self, stop: Callable[[], object]) -> None:
        """From now on the first signal calls this, in the running loop. If it has come already, that is at once."""
        self._loop, self._stop = asyncio.get_running_loop(), stop
        if self.received is not None:
            self._begin()

    def cancel(self) -> None:
        """Until `call` says otherwise, the first signal cancels the current task."""
        task = asyncio.current_task()
        if task is not None:
            self.call(task.cancel)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        # Runs between two steps of whatever the main thread does, which may hold any lock, even the log's.
        name = signal.Signals(number).name
        if self.received is not None:
            end_now("stopped at once", signal=name)
        self.received = name
        self._asked()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        say(_log, logging.INFO, "stopping", signal=self.received)
        if self._stop is not None:
            self._stop()
