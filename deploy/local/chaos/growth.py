"""What a process takes that lives through a run: memory, file descriptors and tasks, which have to stay as they were."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import psutil

from deploy.local.chaos.patches import Patch
from deploy.local.chaos.process import Consumer

LOOK_EVERY = 1.0
MIB = 2**20
PARTS = 4
"""A run is looked at in quarters. In the first it warms up; the last is held against the second."""
MORE = 1.25
FEW = 10
"""Descriptors and tasks: as many as the load of the moment makes."""
SPARE_MEMORY = 16 * MIB
LONG = 600.0
"""Seconds after which memory, too, is expected to stand still: the interpreter keeps what it once had."""
TOLD = '__import__("deploy.local.chaos.failpoint", fromlist=["tell_tasks"]).tell_tasks'
TASKS_TOLD = Patch(
    "app/loop_lag.py",
    "            self._beat()\n",
    f"            self._beat()\n            {TOLD}(len(asyncio.all_tasks()))\n",
)
"""Nobody sees from outside how many tasks a process has."""


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment. `time` is seconds of the monotonic clock, `memory` resident bytes."""

    time: float
    memory: int
    descriptors: int
    tasks: int


@asynccontextmanager
async def watched(consumer: Consumer) -> AsyncIterator[list[Look]]:
    """The looks, which become more as long as the block lasts and the process lives."""
    looks: list[Look] = []

    async def watch() -> None:
        process = psutil.Process(consumer.pid)
        with suppress(psutil.Error):
            while True:
                tasks = consumer.tasks()
                if tasks is not None:
                    memory, descriptors = process.memory_info().rss, process.num_fds()
                    looks.append(Look(time.monotonic(), memory, descriptors, tasks))
                await asyncio.sleep(LOOK_EVERY)

    watching = asyncio.create_task(watch(), name="growth")
    try:
        yield looks
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def growth(looks: Sequence[Look]) -> list[str]:
    """What became more, and should not have."""
    quarters = _quarters(looks)
    if len(quarters) < PARTS:
        return [f"only {len(looks)} looks at what a process takes: play it for longer"]
    then, now = quarters[1], quarters[-1]
    found = [
        f"{name}: {before:g} at first, {after:g} in the end"
        for name, before, after in (
            ("file descriptors", then.descriptors, now.descriptors),
            ("tasks", then.tasks, now.tasks),
        )
        if after > before * MORE + FEW
    ]
    if looks[-1].time - looks[0].time >= LONG and now.memory > then.memory + SPARE_MEMORY:
        found.append(
            f"memory: {then.memory / MIB:.0f} MiB at first, {now.memory / MIB:.0f} in the end"
        )
    return found


def in_words(looks: Sequence[Look]) -> str:
    """By quarter of the time."""
    quarters = _quarters(looks)
    memory = ", ".join(f"{each.memory / MIB:.0f}" for each in quarters)
    descriptors = ", ".join(f"{each.descriptors}" for each in quarters)
    tasks = ", ".join(f"{each.tasks}" for each in quarters)
    return f"by quarter: MiB {memory}; file descriptors {descriptors}; tasks {tasks}"


def _quarters(looks: Sequence[Look]) -> list[Look]:
    """The median of each; none of looks that are too few."""
    size = len(looks) // PARTS
    if not size:
        return []
    parts = [looks[size * part : size * (part + 1)] for part in range(PARTS)]
    return [
        Look(
            part[0].time,
            int(statistics.median(each.memory for each in part)),
            int(statistics.median(each.descriptors for each in part)),
            int(statistics.median(each.tasks for each in part)),
        )
        for part in parts
    ]
