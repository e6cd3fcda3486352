"""Measures how late the event loop is, logs it if it matters, and distrusts the membership after a standstill."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Final

from consumer.telemetry import say

LATE: Final = 1.0
"""Seconds of lag that are worth a line: meanwhile no heartbeat is sent and no answer read."""
_EVERY: Final = 0.1
_QUIET: Final = 30.0
"""Seconds for which further lags are summed up: with too little CPU the loop is late all the time."""
_log = logging.getLogger(__name__)


class LoopLag:
    """Looks ten times a second; each look is a beat for whoever watches from outside."""

    def __init__(
        self,
        now: Callable[[], float],
        beat: Callable[[], None],
        distrust: Callable[[], None],
        *,
        session_timeout: float,
    ) -> None:
        """`now`: a clock that keeps running while the machine sleeps. `distrust`: called if the membership may be gone."""
        self._now = now
        self._beat = beat
        self._distrust = distrust
        self._too_late = session_timeout / 2
        self._quiet_until = -math.inf
        self._worst = 0.0
        self._times = 0

    async def run(self) -> None:
        """Ends only by cancellation."""
        due = self._now() + _EVERY
        while True:
            await asyncio.sleep(_EVERY)
            now = self._now()
            self._beat()
            if now - due >= LATE:
                self._late(now, now - due)
            due = now + _EVERY

    def _late(self, now: float, lag: float) -> None:
        self._worst = max(self._worst, lag)
        self._times += 1
        if lag >= self._too_late:
            self._distrust()
            advice = "no request is sent until the group has answered a heartbeat again"
            say(
                _log, logging.ERROR, "the process stood still", seconds=round(lag, 1), advice=advice
            )
        elif now >= self._quiet_until:
            worst = round(self._worst, 1)
            say(_log, logging.WARNING, "the event loop is late", seconds=worst, times=self._times)
        else:
            return
        self._quiet_until, self._worst, self._times = now + _QUIET, 0.0, 0
