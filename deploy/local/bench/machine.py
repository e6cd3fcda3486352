"""The machine: which core measures and which cores serve, and what else is running."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cores:
    """One core for who is measured, the others for broker, sink and producer."""

    measured: frozenset[int]
    serving: frozenset[int]

    @property
    def apart(self) -> bool:
        """Nobody who serves takes time from who is measured."""
        return not self.measured & self.serving


def share_out() -> Cores:
    """The first core that this process may use for who is measured, the others for the rest."""
    if not hasattr(os, "sched_getaffinity"):  # macOS pins nothing
        return Cores(frozenset(), frozenset())
    first, *rest = sorted(os.sched_getaffinity(0))
    return Cores(frozenset((first,)), frozenset(rest or (first,)))


def pin(pid: int, cores: frozenset[int]) -> None:
    """Keep a process on these cores, with what it starts from now on; 0 is this one."""
    if cores:
        os.sched_setaffinity(pid, cores)


def busy() -> float:
    """How many processes wanted to run in the last minute."""
    return os.getloadavg()[0]


def peak_mib(pid: int) -> float:
    """The most memory that a living process had resident so far; 0 where it is not told.

    Not of `getrusage`: there a child begins with what its parent had.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # gone already, or no Linux
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_so_far(pid: int) -> float:
    """CPU seconds that a living process has used so far, in nanosecond steps; 0 where the system does not tell."""
    # What clock_getcpuclockid(3) gives on Linux: the clock of another process, threads that have ended included.
    clock = (~pid << 3) | 2
    try:
        return time.clock_gettime(clock)
    except (OSError, AttributeError):  # gone already, or no Linux
        return 0.0


def description() -> str:
    """What the figures hold for."""
    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
