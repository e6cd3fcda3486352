"""Stops and handovers in order: nothing is repeated, nothing is left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

import pytest

from tests.broker import NEEDS_BROKER
from tests.e2e.scene import Scene
from tests.e2e.service import Service
from tests.e2e.settings import GRACE

pytestmark = NEEDS_BROKER
FEW_AND_MANY = pytest.mark.parametrize(
    "times", [3, pytest.param(30, marks=(pytest.mark.soak, pytest.mark.timeout(900)))]
)


async def _stop(service: Service) -> None:
    """SIGTERM under load: 0, within the grace."""
    began = time.monotonic()
    service.ask_to_stop()
    assert await service.ended() == 0, service.tail()
    assert time.monotonic() - began < GRACE, service.tail()


async def _nothing_repeated(scene: Scene) -> None:
    """No letter either: none is `unknown`, as nobody was killed."""
    verdict = await scene.verdict()
    assert not verdict.broken
    assert (verdict.resent, verdict.reasons) == ({}, {})


@FEW_AND_MANY
async def test_a_stop_under_load_repeats_nothing_and_the_next_start_goes_on(
    scene: Scene, times: int
) -> None:
    async with scene.load():
        for _ in range(times):
            service = await scene.start_to_work()
            assert scene.foundry.in_flight > 0
            await _stop(service)
        service = await scene.start_to_work()
    await scene.settled()
    await _stop(service)

    await _nothing_repeated(scene)


async def _have(scene: Scene, shares: Mapping[Service, int]) -> None:
    await scene.until(
        lambda: all(service.partitions == share for service, share in shares.items()),
        "the partitions are shared out",
    )


@FEW_AND_MANY
async def test_members_that_come_and_go_under_load_repeat_nothing_and_keep_the_order(
    scene: Scene, times: int
) -> None:
    async with scene.load():
        staying = await scene.start_to_work()
        for turn in range(1, times):
            coming = scene.start()
            await _have(scene, {staying: 2, coming: 2})
            await scene.progress()
            going, staying = (staying, coming) if turn % 2 else (coming, staying)
            await _stop(going)
            await _have(scene, {staying: 4})
            await scene.progress()
    await scene.settled()
    await _stop(staying)

    await _nothing_repeated(scene)


async def test_a_second_sigterm_ends_the_process_at_once_with_1(scene: Scene) -> None:
    async with scene.load():
        service = await scene.start_to_work()
        with scene.fault("hang"):
            await scene.until(lambda: scene.foundry.in_flight > 0, "a request hangs")
            service.ask_to_stop()
            await service.says("stopping")
            service.ask_to_stop()
            assert await service.ended() == 1

    assert service.said("stopped at once")
    assert not service.said("revoked")


async def test_a_stop_while_foundry_hangs_ends_within_the_grace_and_loses_nothing(
    scene: Scene,
) -> None:
    """Requests end by their own timeout. What may have been applied stays claimed or is a letter."""
    async with scene.load():
        service = await scene.start_to_work()
        with scene.fault("hang"):
            for action in ("pay-out", "set-gauge"):
                await scene.until(partial(scene.under_way, action), f"{action} hangs")
            began = time.monotonic()
            service.ask_to_stop()
            code = await service.ended()
        took = time.monotonic() - began
    rest = scene.start("run", "--until-end", "--timeout", "50")
    assert await rest.ended() == 0, rest.tail()

    # 0: all requests had ended and all was committed. 1: something was left undone, and it says so.
    assert (code, bool(service.said("the stop took too long"))) in {(0, False), (1, True)}
    assert took < GRACE + 2
    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.resent == {}
    assert verdict.reasons.keys() <= {"unknown"}


async def test_what_was_kept_back_of_lines_that_repeat_is_said_at_the_stop(scene: Scene) -> None:
    async with scene.load(kinds=("safe",)):
        service = await scene.start_to_work()
        with scene.fault("status", status=503, share=0.5):
            await scene.progress(100)
        await scene.progress()
        await _stop(service)

    assert any("times" in line for line in service.said("retry"))
