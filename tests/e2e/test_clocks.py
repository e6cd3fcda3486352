"""Somebody sets the clock of the machine: nothing that the service does goes by the time of day."""

from __future__ import annotations

import pytest

from tests.broker import NEEDS_BROKER
from tests.e2e.scene import Scene

pytestmark = NEEDS_BROKER


@pytest.mark.slow
@pytest.mark.parametrize("hours", [6, -6])
async def test_a_wall_clock_that_is_set_by_hours_changes_nothing(scene: Scene, hours: int) -> None:
    """Tokens, waits of an outage, leases and the membership go on as they were."""
    async with scene.load():
        service = scene.start_at_other_time(hours, kafka={"session_timeout": 30})
        await service.says("assigned")
        await scene.progress()
        (member,) = await scene.kafka.members()
        with scene.fault("status", status=503):
            await service.says("gate closed")
            service.begin_defect()
        await service.says("gate opened")
        await scene.progress(300)
        assert await scene.kafka.members() == {member}
    await scene.settled()
    service.ask_to_stop()
    assert await service.ended() == 0, service.tail()

    jumped = {line["time"][:13] for line in service.lines()}
    assert len(jumped) > 1
    assert len(service.said("assigned")) == 1
    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.resent == {}
