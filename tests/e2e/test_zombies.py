"""A process that stands still for longer than its session, and wakes up when another one has its partitions."""

from __future__ import annotations

import time
from functools import partial

import pytest

from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER
from tests.e2e.scene import Scene
from tests.e2e.service import Service
from tests.e2e.settings import SESSION_TIMEOUT

pytestmark = NEEDS_BROKER


async def _outsleeps_its_session(scene: Scene, sleeper: Service) -> Service:
    """Suspended with harmful actions in flight, for twice its session; returns who took over."""
    for action in ("pay-out", "add-note"):
        await scene.until(partial(scene.under_way, action), f"{action} is in flight")
    scene.suspend(sleeper)
    slept_from = time.monotonic()
    heir = scene.start()
    await heir.says("starting")
    await scene.note_kill()
    await scene.until(lambda: heir.partitions == 4, "another one has taken over")
    await scene.progress()
    wake_at = slept_from + 2 * SESSION_TIMEOUT
    await scene.until(lambda: time.monotonic() >= wake_at, "two sessions are over")
    sleeper.resume()
    await scene.until(lambda: sleeper.partitions == heir.partitions == 2, "both are members")
    return heir


@pytest.mark.parametrize(
    "times", [1, pytest.param(20, marks=(pytest.mark.soak, pytest.mark.timeout(900)))]
)
async def test_who_wakes_up_after_its_session_repeats_nothing_harmful(
    scene: Scene, times: int
) -> None:
    """It commits nothing over its heir's, and what it had claimed and not sent stays unsent."""
    async with scene.load(rate=200):
        sleeper = await scene.start_to_work()
        for _ in range(times):
            heir = await _outsleeps_its_session(scene, sleeper)
            sleeper.ask_to_stop()
            assert await sleeper.ended() == 0, sleeper.tail()
            await scene.until(lambda h=heir: h.partitions == 4, "one is left")  # type: ignore[misc]  # bound
            sleeper = heir
    await scene.settled()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.reasons.keys() <= {"unknown"}


async def test_a_broker_that_stands_still_for_a_moment_makes_nothing_happen_twice(
    scene: Scene, fragile: Broker
) -> None:
    """Commits and claims are late, and are waited for: nobody loses the membership."""
    async with scene.load():
        service = await scene.start_to_work()
        for _ in range(5):
            await scene.until(partial(scene.under_way, "pay-out"), "a harmful action is in flight")
            fragile.suspend()
            until = time.monotonic() + 0.2
            await scene.until(lambda u=until: time.monotonic() > u, "a moment")  # type: ignore[misc]  # bound
            fragile.resume()
            await scene.progress()
    await scene.settled()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert (verdict.resent, verdict.reasons) == ({}, {})
    assert len(service.said("assigned")) == 1


@pytest.mark.soak
async def test_after_a_commit_without_an_answer_the_service_is_a_new_member(
    scene: Scene, fragile: Broker
) -> None:
    """The old commit lands when the broker wakes up, over what was claimed since, if anything were."""
    async with scene.load():
        # The session outlives the commit's ten seconds, so that it is the service that ends it.
        service = await scene.start_to_work(kafka={"session_timeout": 45})
        (before,) = await scene.kafka.members()
        fragile.suspend()
        await service.says("commit not stored")
        fragile.resume()
        await service.says("assigned", times=2)
        (after,) = await scene.kafka.members()
        await scene.progress()
    await scene.settled()

    assert service.said("commit not stored")[0]["result"] == "unanswered"
    assert after != before
    verdict = await scene.verdict()
    assert not verdict.broken
    assert (verdict.resent, verdict.reasons) == ({}, {})
