"""The harness looks at itself: Foundry runs in its loop, and where that stands still the service's assumptions do not hold."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from deploy.local.chaos.settings import SETTLE_TIME
from deploy.local.chaos.stage import Stage

LOOK_EVERY = 0.1
NOTICED = 1.0
"""Seconds: with less the service's requests are answered in time."""


async def note_stalls(stage: Stage) -> None:
    """Until the run is over."""
    while not stage.over:
        began = time.time()
        await asyncio.sleep(LOOK_EVERY)
        ended = time.time()
        if ended - began - LOOK_EVERY >= NOTICED:
            stage.seen.stalls.append((began, ended))


def misgivings(stalls: Sequence[tuple[float, float]]) -> list[str]:
    """About each that was so long that Foundry may have executed something later than the settle time."""
    return [
        f"Foundry's emulator stood still for {ended - began:.1f} s, the settle time is {SETTLE_TIME:g} s:"
        " the machine is too busy, and what is red may be its fault"
        for began, ended in stalls
        if ended - began > SETTLE_TIME
    ]
