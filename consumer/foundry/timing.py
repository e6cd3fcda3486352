"""Measures how long each HTTP request takes, and reports it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

Told = Callable[[str, float, int | None, str | None], None]
"""Called with method, seconds, the status if there was one, and what failed if not. Quick, never raises."""


def nobody(method: str, seconds: float, status: int | None, failure: str | None) -> None:
    """Ignores what it is told."""


class Timing:
    """A context around one request, from the wait for a connection to the end of the answer.

    Set `status` or `failure` before it ends; if it is cancelled, the failure is a timeout. An exception of any
    other kind is a bug, and is not reported as a request.
    """

    __slots__ = ("_method", "_started", "_told", "failure", "made", "status")

    def __init__(self, told: Told, method: str) -> None:
        self._told = told
        self._method = method
        self._started = 0.0
        self.status: int | None = None
        self.failure: str | None = None
        self.made = True
        """False: it was not sent after all, so there is nothing to report."""

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is asyncio.CancelledError:
            self.failure = "timeout"
        elif kind is not None or not self.made:
            return
        seconds = time.perf_counter() - self._started
        self._told(self._method, seconds, self.status, self.failure)
