"""`python -m deploy.local.bench.sampler FILE -m MODULE ARGUMENTS`: runs it, and looks each millisecond of CPU at what it does.

Unlike a profiler that is called for each call it makes nothing dearer, so that shares are true ones.
"""

from __future__ import annotations

import json
import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

EVERY: Final = 0.001
"""Seconds of CPU, user and system."""

Place = tuple[str, str, int]


class Sampler:
    """Counts where the process is found: the function at work, and all that called it."""

    def __init__(self) -> None:
        self._own: Counter[Place] = Counter()
        self._inclusive: Counter[Place] = Counter()
        self._samples = 0

    def look(self, _number: int, frame: FrameType | None) -> None:
        """The signal's handler."""
        self._samples += 1
        seen: set[Place] = set()
        top = True
        while frame is not None:
            code = frame.f_code
            place = code.co_filename, code.co_qualname, code.co_firstlineno
            if top:
                self._own[place] += 1
                top = False
            # Once, however often it calls itself.
            if place not in seen:
                seen.add(place)
                self._inclusive[place] += 1
            frame = frame.f_back

    def found(self) -> dict[str, object]:
        functions = [
            {
                "file": place[0],
                "name": place[1],
                "line": place[2],
                "own": self._own[place],
                "with_callees": count,
            }
            for place, count in self._inclusive.items()
        ]
        return {"samples": self._samples, "functions": functions}


def main() -> None:
    """Run the module as if it had been started itself; write what was found, however it ends."""
    output, _, module, *arguments = sys.argv[1:]
    sampler = Sampler()
    sys.argv = [module, *arguments]
    signal.signal(signal.SIGPROF, sampler.look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        Path(output).write_text(json.dumps(sampler.found()))


if __name__ == "__main__":
    main()
