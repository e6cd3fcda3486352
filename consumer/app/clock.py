"""The clock that leases and tokens are measured by."""

from __future__ import annotations

import time
from typing import Final

# Elsewhere than on Linux the monotonic clock may stand still while the machine sleeps.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class AwakeClock:
    """Seconds since the machine started, those in which it slept included; whoever sets the time moves it not."""

    def now(self) -> float:
        return time.clock_gettime(_CLOCK)
