"""Run a story in a world of its own; it ends with every law checked."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from tests import virtual_time
from tests.flow.world import Options, World

LINES = int(os.environ.get("TRACE_LINES", "150"))
"""Of the trace that a failure shows."""


def simulate(
    story: Callable[[World], Awaitable[None]],
    *,
    seed: int = 0,
    until: float = 20_000.0,
    options: Options | None = None,
    **changes: Any,
) -> World:
    """Run a story in a world of its own, finish it and check every law.

    `changes` are fields of `Options`. What is raised carries the seed and what happened last.
    """
    made = replace(options or Options(), **changes)
    worlds: list[World] = []

    async def main() -> World:
        world = World(seed, made)
        worlds.append(world)
        await story(world)
        await world.finish()
        return world

    try:
        return virtual_time.run(main(), seed=seed if made.shuffled else None, until=until)
    except BaseException as error:
        trace = "\n".join(list(worlds[0].truth.trace)[-LINES:]) if worlds else ""
        error.add_note(f"seed {seed}\n{trace}")
        raise
