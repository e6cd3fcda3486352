"""Memberships that end without our doing: one line says so, and the service goes on."""

from __future__ import annotations

import pytest

from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER
from tests.e2e.scene import Scene

pytestmark = NEEDS_BROKER


async def test_a_member_that_an_administrator_removes_says_so_once_and_goes_on(
    scene: Scene,
) -> None:
    """Its partitions are lost, not handed over: what was on its way is as after a kill."""
    async with scene.load():
        service = await scene.start_to_work()
        (member,) = await scene.kafka.members()
        scene.note_end()
        await scene.kafka.remove(member)
        await service.says("assigned", times=2)
        await scene.note_kill()
        await scene.progress()
    await scene.settled()
    service.ask_to_stop()
    assert await service.ended() == 0, service.tail()

    lost = [line for line in service.said("revoked") if not line["drained"]]
    assert [line["count"] for line in lost] == [4]
    assert not (await scene.verdict()).broken


@pytest.mark.slow
async def test_a_coordinator_that_goes_and_comes_back_is_found_again(
    scene: Scene, fragile: Broker
) -> None:
    """Within the session nothing is lost by it but time."""
    longer = {"kafka": {"session_timeout": 30}}
    service = await scene.start_to_work_on(60, **longer)
    scene.note_end()
    fragile.restart()
    await scene.note_kill()
    await scene.publish(60)
    await scene.settled()
    service.ask_to_stop()
    assert await service.ended() == 0, service.tail()

    assert not service.said("stuck")
    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.reasons.keys() <= {"unknown"}
