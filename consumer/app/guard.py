"""A thread beside the event loop that ends the process if the loop stands still, or if a stop takes too long."""

from __future__ import annotations

import faulthandler
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Final, NoReturn, Self

from consumer.telemetry.log import line

STOOD_FOR: Final = 60.0
"""After so many seconds without a step of the loop, it is taken to be stuck for good."""
_LOOK_EVERY: Final = 0.5
_WRITE_WITHIN: Final = 1.0
_PIPE_TAKES: Final = 4096
"""Bytes that a writable pipe accepts without blocking (PIPE_BUF on Linux)."""
_AT_ONCE: Final = 1
_STDERR: Final = 2
_DEBUGGERS: Final = frozenset({"bdb", "pdb", "debugpy", "pydevd", "_pydevd_bundle"})
_log = logging.getLogger(__name__)


class Guard:
    """Each `beat` shows that the loop turns; `gone_within` says by when the process must have ended.

    It takes no lock that the loop could hold. It counts its own looks rather than trusting a clock: after a freeze
    of the whole process (SIGSTOP, or the machine slept) the clock has jumped, but the loop has had no chance to run.
    It does need the interpreter, though. C code that never releases that (a backtracking regular expression) is
    ended by a CPU-time timer, whose SIGPROF prints the stack and kills the process.
    """

    def __init__(self, *, stood_for: float = STOOD_FOR) -> None:
        self._looks = max(2, round(stood_for / _LOOK_EVERY))
        self._stood_for = stood_for
        self._beats = 0
        self._watches_loop = True
        self._gone_by: float | None = None
        self._bound = 0.0
        self._main = threading.main_thread().ident
        # A process has only one such timer, and a profiler may be using it.
        self._has_timer = signal.getsignal(signal.SIGPROF) == signal.SIG_DFL
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)

    def __enter__(self) -> Self:
        if self._has_timer:
            # On the timer's signal print every thread's stack, then do what the signal does by default.
            faulthandler.register(signal.SIGPROF, file=_STDERR, all_threads=True, chain=True)
        self._arm()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """There is no loop any more. A time limit stays in force, as the interpreter may hang while it exits."""
        self._watches_loop = False

    def beat(self) -> None:
        """The loop turns."""
        self._beats += 1

    def gone_within(self, seconds: float) -> None:
        """End the process after so many seconds at the latest; only the first call counts. Safe in a signal handler."""
        if self._gone_by is None:
            self._bound = seconds
            self._gone_by = time.monotonic() + seconds
            self._arm()

    def _run(self) -> None:
        beats, missed = self._beats, 0
        while True:
            time.sleep(_LOOK_EVERY)
            self._arm()
            if self._gone_by is not None and time.monotonic() >= self._gone_by:
                self._end("ended: the stop took too long", grace=self._bound)
            missed = 0 if beats != self._beats or not self._watches_loop else missed + 1
            beats = self._beats
            if missed >= self._looks and not self._in_debugger():
                self._end("ended: the event loop stands still", seconds=self._stood_for)

    def _arm(self) -> None:
        """Set the timer to the CPU time that may be used before the next look sets it again."""
        if not self._has_timer:
            return
        left = self._stood_for
        if self._gone_by is not None:
            left = min(left, max(_LOOK_EVERY, self._gone_by - time.monotonic()) + _LOOK_EVERY)
        signal.setitimer(signal.ITIMER_PROF, left)

    def _end(self, event: str, **fields: object) -> NoReturn:
        stack = " < ".join(f"{_place(frame)}" for frame in self._frames())
        end_now(event, **fields, stack=stack)

    def _frames(self) -> Iterator[FrameType]:
        """The frames of the main thread, innermost first."""
        frame = sys._current_frames().get(self._main or 0)  # noqa: SLF001 - documented, underscore or not
        while frame is not None:
            yield frame
            frame = frame.f_back

    def _in_debugger(self) -> bool:
        """True: somebody is debugging the process."""
        return any(
            str(frame.f_globals.get("__name__")).split(".")[0] in _DEBUGGERS
            for frame in self._frames()
        )


def end_now(event: str, **fields: object) -> NoReturn:
    """Log why, and end the process with 1. Nothing is closed; the next owner treats it like a kill.

    Waits for no lock, and at most a second for whoever reads the log.
    """
    try:
        text = line(_log, logging.CRITICAL, event, **fields).encode()[: _PIPE_TAKES - 1]
        if select.select([], [_STDERR], [], _WRITE_WITHIN)[1]:
            os.write(_STDERR, text + b"\n")
    finally:
        os._exit(_AT_ONCE)


def _place(frame: FrameType) -> str:
    """Where the frame is, without source or values."""
    code = frame.f_code
    return f"{'/'.join(code.co_filename.split('/')[-2:])}:{frame.f_lineno} {code.co_name}"
