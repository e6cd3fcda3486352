"""One key whose action is always slow, or always fails, costs the others nothing that a clock on the wall would show."""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.broker import NEEDS_BROKER
from tests.e2e.jobs import job
from tests.e2e.scene import Scene

pytestmark = NEEDS_BROKER
log = logging.getLogger(__name__)

ILL = "ill"
SECONDS = 10.0
RATE = 100
"""Events a second of the others, in lanes of which each has a fiftieth of that."""
LANES = 200
WORSE = 1.5
TROUBLES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "five seconds": ("latency", {"seconds": 5.0}),
    "409": ("error", {"name": "ObjectChanged", "code": "CONFLICT"}),
    "500": ("status", {"status": 500}),
    "no answer": ("hang", {}),
    "403": ("error", {"name": "EditObjectPermissionDenied", "code": "PERMISSION_DENIED"}),
}


class Neighbours:
    """Publishes for one ill lane and many others, and says how long the others took."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._sent: dict[str, float] = {}
        self._numbers = itertools.count()

    async def live(self, seconds: float) -> set[str]:
        """The others' records of that time."""
        first = next(self._numbers)
        due = time.monotonic()
        until = due + seconds
        while due < until:
            number = next(self._numbers)
            record = f"record-{number}"
            self._sent[record] = time.time()
            jobs = [job(record, "safe", f"lane-{number % LANES}", number)]
            if number % RATE == 0:
                jobs.append(job(f"ill-{number}", "safe", ILL, number))
            await self._scene.kafka.publish(jobs)
            due += 1 / RATE
            await asyncio.sleep(due - time.monotonic())
        return {f"record-{number}" for number in range(first + 1, next(self._numbers))}

    def took(self, records: set[str]) -> float:
        """Seconds from publishing to the effect, 99th percentile."""
        spans = sorted(
            each.time - self._sent[each.record]
            for each in self._scene.effects
            if each.record in records
        )
        assert len(spans) == len(records)
        return spans[math.ceil(0.99 * len(spans)) - 1]


@pytest.mark.soak  # a busy machine is slower now and then than any neighbour
@pytest.mark.timeout(400)
async def test_the_others_take_as_long_as_ever_while_one_key_is_ill(scene: Scene) -> None:
    neighbours = Neighbours(scene)
    well: set[str] = set()
    ill: dict[str, set[str]] = {}
    await scene.start_to_work_on(
        60, foundry={"request_timeout": 6}, kafka={"session_timeout": 30}, stop={"grace": 12}
    )

    for name, (fault, given) in TROUBLES.items():
        well |= await neighbours.live(SECONDS)
        with scene.fault(fault, key=ILL, **given):
            ill[name] = await neighbours.live(SECONDS)
    await scene.settled()

    usual = neighbours.took(well)
    ratios = {name: round(neighbours.took(records) / usual, 2) for name, records in ill.items()}
    log.info(
        "p99 of the others: %.0f ms; times as long beside an ill key: %s", usual * 1000, ratios
    )
    assert max(ratios.values()) <= WORSE, ratios
