"""Requests that travel: once sent they arrive, whatever becomes of their sender; answers may be lost."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

WORLD = contextvars.Context()
"""Runs on no process's host: what the world does goes on when a process is frozen or dead."""


class Network:
    """Latency and loss between one process and one server."""

    def __init__(self, rng: random.Random, *, latency: float = 0.005) -> None:
        self.rng = rng
        self.latency = latency
        self.silent_until = 0.0
        """The server stands still: what arrives before is processed then."""

    def delay(self) -> float:
        """One way. Sometimes nothing at all, so that ties occur."""
        return self.rng.choice((0.0, 0.2, 1.0, 2.0)) * self.latency

    def call(self, arrive: Callable[[], T]) -> asyncio.Future[T]:
        """Send now; `arrive` runs at the server, its result travels back."""
        return self.send(self.delay(), arrive, answered=True)

    def send(self, delay: float, arrive: Callable[[], T], *, answered: bool) -> asyncio.Future[T]:
        """Arrives after `delay`; unanswered, the future stays open for ever."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def arrived() -> None:
            wait = self.silent_until - loop.time()
            if wait > 0:
                later(wait + self.delay(), arrived)
                return
            result = arrive()
            if answered:
                later(self.delay(), lambda: resolve(answer, result))

        later(delay, arrived)
        return answer


def later(delay: float, do: Callable[[], object]) -> asyncio.TimerHandle:
    """The world does it, after `delay` seconds."""
    return asyncio.get_running_loop().call_later(delay, do, context=WORLD)


def resolve(answer: asyncio.Future[T], result: T) -> None:
    """Deliver, unless nobody waits any more."""
    if not answer.done():
        answer.set_result(result)
