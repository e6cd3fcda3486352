"""The service finds out how many requests the emulator takes at one time, and that it takes more."""

from __future__ import annotations

import time

import pytest

from tests.broker import NEEDS_BROKER
from tests.e2e.scene import Scene, jobs_of

pytestmark = NEEDS_BROKER

ADMITS = 5
MOST = 32
SECONDS = 6.0
ONE_BY_ONE = {"max_in_flight": MOST, "batch_size": 1}


@pytest.mark.slow
async def test_what_foundry_takes_is_used_and_no_more_is_asked_for(scene: Scene) -> None:
    scene.foundry.limits.in_flight = ADMITS
    await scene.kafka.publish(jobs_of("safe", 800, prefix="wide", lanes=100))
    with scene.fault("latency", seconds=0.2):
        await scene.start_to_work(foundry=ONE_BY_ONE)
        refused, under_way, looks = scene.foundry.requests.by_status[429], 0, 0

        def looked() -> bool:
            nonlocal under_way, looks
            under_way, looks = under_way + scene.foundry.in_flight, looks + 1
            return time.monotonic() > over

        over = time.monotonic() + SECONDS
        await scene.until(looked, "some seconds of work")
        # At a busy moment the witness and Foundry, which share a process, hold each other up.
        assert under_way / looks >= 0.8 * ADMITS
        assert scene.foundry.requests.by_status[429] - refused <= SECONDS / 0.5

        scene.foundry.limits.in_flight = 800
        lifted = "what was lifted is used"
        await scene.until(lambda: scene.foundry.in_flight >= 0.9 * MOST, lifted, within=15)
    await scene.settled()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert not verdict.reasons
    assert not scene.services[0].said("gate closed")
