"""`python -m deploy.local.bench.sampler FILE -m MODULE ARGUMENTS`: runs it, and looks now and then at what it does.

Unlike a profiler that is called for each call it makes nothing dearer, so that shares are true ones.
"""

from __future__ import annotations

import gc
import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final

EVERY: Final = 0.001
"""Seconds of CPU, user and system; kernels round it up to their tick."""

Place = tuple[str, str, int]
"""File, function and its first line."""


class Sampler:
    """Counts stacks, the function at work first."""

    def __init__(self) -> None:
        self.stacks: Counter[tuple[Place, ...]] = Counter()

    def look(self, _number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        stack: list[Place] = []
        while frame is not None:
            code = frame.f_code
            stack.append((code.co_filename, code.co_qualname, code.co_firstlineno))
            frame = frame.f_back
        self.stacks[tuple(stack)] += 1

    def collected(self, _phase: str, _info: dict[str, Any]) -> None:
        """Called after each garbage collection: signals that came during one are handled in here."""


def main() -> None:
    """Run the module as if it had been started itself; write what was found, however it ends."""
    output, _, module, *arguments = sys.argv[1:]
    sampler = Sampler()
    gc.callbacks.append(sampler.collected)
    sys.argv = [module, *arguments]
    signal.signal(signal.SIGPROF, sampler.look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(output).write_text(json.dumps(list(sampler.stacks.items())))


if __name__ == "__main__":
    main()
