"""The clock that leases and tokens are measured by."""

from __future__ import annotations

import time
from typing import Final

# CLOCK_BOOTTIME is Linux's. Elsewhere the monotonic clock may stand still while the machine sleeps.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class AwakeClock:
    """Seconds since the machine started, including those it slept. Setting the system time does not move it."""

    def now(self) -> float:
        return time.clock_gettime(_CLOCK)
