"""How long each HTTP request took, told to whoever counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

Told = Callable[[str, float, int | None, str | None], None]
"""Takes method, seconds, the status if one came, and what failed if none did. Quick, never raises."""


def nobody(method: str, seconds: float, status: int | None, failure: str | None) -> None:
    """Nobody counts."""


class Timing:
    """Around one request, from the wait for a connection to the end of the answer.

    Set `status` or `failure` before its end; one that is ended from outside was out of time. A bug is
    not told: it was no request.
    """

    __slots__ = ("_method", "_started", "_told", "failure", "made", "status")

    def __init__(self, told: Told, method: str) -> None:
        self._told = told
        self._method = method
        self._started = 0.0
        self.status: int | None = None
        self.failure: str | None = None
        self.made = True
        """False: it was not sent after all, so there is nothing to tell."""

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
