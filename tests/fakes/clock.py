"""The clock of the simulation."""

from __future__ import annotations

import asyncio


class VirtualClock:
    """Implements the core's `Clock` with the running loop's time."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()
