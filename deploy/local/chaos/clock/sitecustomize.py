"""Imported by the interpreter of a service whose wall clock jumps: its `time.time` reads an offset from a file.

Python code that asks `time.time` or `time.time_ns` sees the jump; `datetime.now` and the monotonic clocks do not.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

OFFSET_FILE = "CHAOS_CLOCK_OFFSET"
READ_EVERY = 0.1

_real = time.time
_real_ns = time.time_ns


class JumpingClock:
    """The real time, and as many seconds more as the file says; it is read again ten times a second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0.0
        self._read_at = float("-inf")

    def time(self) -> float:
        return _real() + self._seconds()

    def time_ns(self) -> int:
        return _real_ns() + int(self._seconds() * 1e9)

    def _seconds(self) -> float:
        now = time.monotonic()
        if now - self._read_at > READ_EVERY:
            self._read_at = now
            self._offset = float(self._file.read_text() or 0)
        return self._offset


if OFFSET_FILE in os.environ:
    _clock = JumpingClock(Path(os.environ[OFFSET_FILE]))
    time.time = _clock.time
    time.time_ns = _clock.time_ns
