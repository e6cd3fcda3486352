"""The service with one defect in it, which begins at SIGUSR1: `python -m tests.e2e.sabotage DEFECT run ...`.

What stands still is found sooner than in the real one; nothing else is different.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient

from consumer.__main__ import main
from consumer.app import service
from consumer.app.guard import Guard
from consumer.foundry.client import FoundryActions
from consumer.kafka.source import KafkaSource
from consumer.state.vitals import Patience

STUCK_AFTER = 3.0
"""Seconds."""
SHORT = Patience(poll=8.0, commit=8.0, request=8.0, work=8.0, fetch=60.0, frozen=10.0)


class Defect:
    """Calls go on as ever, until it has begun."""

    begun = False

    def put(self, owner: type, name: str, instead: Callable[[], Any]) -> None:
        before = getattr(owner, name)

        @functools.wraps(before)
        async def call(*args: Any, **named: Any) -> Any:
            if self.begun:
                await instead()
            return await before(*args, **named)

        setattr(owner, name, call)


async def hang() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise RuntimeError("sabotage")


async def hang_against_all_cancelling() -> None:
    while True:
        try:
            await hang()
        except asyncio.CancelledError:
            continue


async def block() -> None:
    time.sleep(600)  # noqa: ASYNC251 - that is the defect


DEFECTS: dict[str, tuple[type, str, Callable[[], Any]]] = {
    "poll": (KafkaSource, "poll", hang),
    "requests": (FoundryActions, "send", hang),
    "loop": (KafkaSource, "poll", block),
    "library": (AIOKafkaClient, "_metadata_update", fail),
    "client hangs in its end": (AIOKafkaConsumer, "stop", hang_against_all_cancelling),
    "client blocks the loop in its end": (AIOKafkaConsumer, "stop", block),
}


def run() -> None:
    """As the service's own, with the defect that the first argument names."""
    defect = Defect()
    defect.put(*DEFECTS[sys.argv.pop(1)])

    def begin(*_: object) -> None:
        defect.begun = True

    signal.signal(signal.SIGUSR1, begin)
    vars(service)["patience"] = lambda _: SHORT
    vars(service)["Guard"] = functools.partial(Guard, stood_for=STUCK_AFTER)
    main()


if __name__ == "__main__":
    run()
