"""How long to wait before a request is tried again: exponential, with full jitter."""

from __future__ import annotations

import random
from itertools import islice
from typing import Final

import backoff

from consumer.state.limits import Retry

_STEPS: Final = 24


class Waits:
    """The ceilings, computed once. Randomness is passed in, so that a simulation can be repeated."""

    def __init__(self, retry: Retry, rng: random.Random) -> None:
        growth = backoff.expo(base=2, factor=retry.initial, max_value=retry.maximum)
        next(growth)  # the generator's first value only starts it
        self._ceilings = list(islice(growth, _STEPS))
        self._rng = rng

    def delay(self, failures: int, *, at_least: float | None = None) -> float:
        """Seconds to wait after so many failures (1 or more); `at_least` is what the server asked for."""
        ceiling = self._ceilings[min(failures, _STEPS) - 1]
        return max(self._rng.uniform(0, ceiling), at_least or 0.0)
