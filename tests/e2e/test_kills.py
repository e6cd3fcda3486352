"""kill -9 under load, at every step of a record's way."""

from __future__ import annotations

import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial

import pytest

from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER
from tests.e2e.scene import Scene, jobs_of
from tests.e2e.service import Service

pytestmark = NEEDS_BROKER

MOST_IN_A_REQUEST = 20
QUIET = 0.4
"""Seconds without a request after which those that are left wait for their claim."""
HARMFUL_AT_ONCE = 2
CLAIMED = ("pay-out", "page-on-call", "add-note")


async def _before_its_claim_is_acknowledged(scene: Scene, service: Service, kafka: Broker) -> None:
    """The broker stands still: claims are on their way, and no request that needs one is."""
    await scene.until(lambda: scene.foundry.in_flight > 0, "something is sent")
    kafka.suspend()
    try:
        since = time.monotonic()

        def quiet() -> bool:
            nonlocal since
            if any(map(scene.under_way, CLAIMED)):
                since = time.monotonic()
            return time.monotonic() - since > QUIET

        await scene.until(quiet, "nothing that needs a claim is sent")
        scene.kill(service)
    finally:
        kafka.resume()


async def _sent(scene: Scene, service: Service, _: Broker) -> None:
    """Foundry has the requests, and executes them after the kill."""
    with scene.fault("latency", seconds=1.0):
        await scene.until(partial(_harmful_under_way, scene), "harmful actions are sent")
        scene.kill(service)
        await scene.until(lambda: scene.foundry.in_flight == 0, "all of it is executed")


async def _applied_before_its_answer(scene: Scene, service: Service, _: Broker) -> None:
    with ExitStack() as faults:
        for action in CLAIMED:
            faults.enter_context(scene.fault("hang", when="after", action=action))
        await scene.until(partial(_harmful_under_way, scene), "harmful actions are applied")
        scene.kill(service)


def _harmful_under_way(scene: Scene) -> bool:
    return sum(len(scene.under_way(action)) for action in CLAIMED) >= HARMFUL_AT_ONCE


async def _answered_before_its_commit(scene: Scene, service: Service, kafka: Broker) -> None:
    """The broker stands still while what needs no claim goes on: it is applied, and cannot be committed."""
    swift = jobs_of("safe", 1000, prefix=f"swift-{len(scene.kills)}")
    await scene.kafka.publish(swift)
    names = {job.record for job in swift}

    def applied() -> int:
        return sum(effect.record in names for effect in scene.effects)

    # By then the service has fetched more of them than it can apply in the moment that follows.
    await scene.until(lambda: applied() >= len(swift) // 5, "they are applied")
    kafka.suspend()
    try:
        before = applied()
        await scene.until(lambda: applied() >= before + 20, "more of them are applied")
        scene.kill(service)
    finally:
        kafka.resume()


Phase = Callable[[Scene, Service, Broker], Awaitable[None]]
PHASES: Mapping[str, Phase] = {
    "before its claim is acknowledged": _before_its_claim_is_acknowledged,
    "applied before its answer": _applied_before_its_answer,
    "answered before its commit": _answered_before_its_commit,
    "sent": _sent,
}


@pytest.mark.parametrize(
    "kills", [3, pytest.param(30, marks=(pytest.mark.soak, pytest.mark.timeout(900)))]
)
async def test_kill_9_loses_nothing_and_repeats_nothing_harmful(
    scene: Scene, fragile: Broker, kills: int
) -> None:
    """`safe` is sent again: at most what was in flight, and what was settled since the last commit."""
    async with scene.load(rate=100):
        for number in range(kills):
            service = await _take_over(scene)
            phase = list(PHASES.values())[number % len(PHASES)]
            await phase(scene, service, fragile)
            assert service.code == -signal.SIGKILL, service.tail()
        last = await _take_over(scene)
    await scene.settled()
    last.ask_to_stop()
    assert await last.ended() == 0, last.tail()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.reasons.keys() <= {"unknown"}
    assert len(verdict.tolls) == kills
    for toll in verdict.tolls:
        assert toll.resent <= toll.in_flight * MOST_IN_A_REQUEST + toll.uncommitted, toll


async def _take_over(scene: Scene) -> Service:
    """The next owner, at work; before it is, what the last one left is looked at."""
    service = scene.start()
    await service.says("starting")
    await scene.note_kill()
    await service.says("assigned")
    await scene.progress()
    return service
