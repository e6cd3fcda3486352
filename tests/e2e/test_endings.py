"""A process that is stuck ends by itself, a stop ends in time whatever hangs, and the next process goes on."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from consumer.app.guard import STOOD_FOR
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER
from tests.e2e.jobs import broken
from tests.e2e.sabotage import STUCK_AFTER
from tests.e2e.scene import Scene
from tests.e2e.service import Service
from tests.e2e.settings import GRACE, REQUEST_TIMEOUT
from tests.e2e.test_admin import administered

pytestmark = NEEDS_BROKER
EXIT = 3.0
"""Seconds that an interpreter takes to end, on a machine that is busy."""
BAD = next(each for each in broken("lane-0") if each.record == "lane-0-cut")


async def _stopped(service: Service, grace: float = GRACE) -> int:
    """Its exit code; within the grace."""
    began = time.monotonic()
    service.ask_to_stop()
    code = await service.ended()
    assert time.monotonic() - began < grace + EXIT, service.tail()
    return code


async def _goes_on(scene: Scene) -> None:
    """The next process settles all that is there, and every promise was kept."""
    heir = scene.start()
    await heir.says("starting")
    await scene.note_kill()
    await scene.settled()
    assert await _stopped(heir) == 0, heir.tail()
    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.reasons.keys() <= {"unknown"}


@pytest.mark.slow
@pytest.mark.parametrize("part", ["poll", "requests"])
async def test_a_process_that_is_stuck_ends_with_1_and_says_what_of_it(
    scene: Scene, part: str
) -> None:
    async with scene.load():
        service = scene.start_with(part)
        await service.says("assigned")
        await scene.progress()
        service.begin_defect()
        code = await service.ended(within=90)

    last = service.lines()[-1]
    assert code == 1
    assert (last["event"], last["part"]) == ("ended: stuck", part)
    assert last["level"] == "critical"
    assert service.said("stuck")
    scene.note_end()
    await _goes_on(scene)


@pytest.mark.slow
async def test_a_client_library_that_has_lost_a_task_ends_the_process_with_1(scene: Scene) -> None:
    """It never looks after them; and without its view of the cluster it stands still at the next move of a leader."""
    async with scene.load():
        service = scene.start_with("library")
        await service.says("assigned")
        await scene.progress()
        service.begin_defect()
        # The library looks at the cluster once a minute.
        stuck = await service.says("stuck", within=90)
        assert await service.ended() == 1

    assert "metadata task" in stuck["why"]
    scene.note_end()
    await _goes_on(scene)


@pytest.mark.slow
async def test_a_process_that_is_stuck_fails_its_liveness_probe(
    scene: Scene, tmp_path: Path
) -> None:
    """Whoever looks during its last stop hears why, and does not wait for the end."""
    async with administered(scene, tmp_path) as admin, scene.load():
        service = scene.start_with("requests", admin={"port": admin.port})
        await service.says("assigned")
        await scene.progress()
        assert (await admin.ask("GET", "/livez"))[0] == 200
        service.begin_defect()
        await service.says("stuck")
        status, why = await admin.ask("GET", "/livez")
        await service.ended(within=90)

    assert status == 503
    assert "requests" in why
    scene.note_end()
    await _goes_on(scene)


@pytest.mark.slow
async def test_a_loop_that_is_blocked_ends_the_process_with_1_and_says_where(scene: Scene) -> None:
    async with scene.load():
        service = scene.start_with("loop")
        await service.says("assigned")
        await scene.progress()
        began = time.monotonic()
        service.begin_defect()
        code = await service.ended()

    last = service.lines()[-1]
    assert code == 1
    assert last["event"] == "ended: the event loop stands still"
    assert "sabotage.py" in last["stack"]
    assert STUCK_AFTER < time.monotonic() - began < STOOD_FOR
    scene.note_end()
    await _goes_on(scene)


@pytest.mark.slow
@pytest.mark.parametrize("defect", ["client hangs in its end", "client blocks the loop in its end"])
async def test_a_client_that_does_not_end_keeps_no_process_beyond_the_grace(
    scene: Scene, defect: str
) -> None:
    async with scene.load():
        service = scene.start_with(defect)
        await service.says("assigned")
        await scene.progress()
        service.begin_defect()
        code = await _stopped(service)

    assert code == 1
    assert service.lines()[-1]["event"] in {
        "ended: the stop took too long",
        "ended: the event loop stands still",
    }
    scene.note_end()
    await _goes_on(scene)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["silent", "dead"])
async def test_a_stop_while_kafka_is_away_ends_within_the_grace_and_with_1(
    scene: Scene, fragile: Broker, how: str
) -> None:
    """The last commit is not answered: that is left undone, and the group is not left."""
    service = await scene.start_to_work_on(60)
    await scene.publish(60)
    await scene.progress(1)
    if how == "silent":
        fragile.suspend()
    else:
        fragile.kill()
    scene.note_end()  # from here on nothing is committed
    try:
        code = await _stopped(service)
    finally:
        if how == "silent":
            fragile.resume()
        else:
            fragile.restart()

    assert code == 1
    await _goes_on(scene)


async def test_a_stop_while_letters_are_not_taken_ends_within_the_grace(scene: Scene) -> None:
    """What was begun is done, so it is a success; the letter is the next owner's."""
    async with scene.load():
        service = await scene.start_to_work()
        await scene.kafka.limit_letters(100)
        (bad,) = await scene.kafka.publish([BAD])
        await service.says("partition held")
        assert await _stopped(service) == 0, service.tail()
    await scene.look()
    assert not scene.latest[bad.partition].is_done(bad.offset)
    await scene.kafka.limit_letters(1_000_000)
    heir = scene.start()
    await scene.settled()
    assert await _stopped(heir) == 0, heir.tail()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert (verdict.resent, verdict.reasons) == ({}, {"undecodable": 1})


@pytest.mark.slow
async def test_a_second_signal_while_kafka_is_silent_ends_the_process_at_once(
    scene: Scene, fragile: Broker
) -> None:
    service = await scene.start_to_work_on(60)
    fragile.suspend()
    try:
        service.ask_to_stop()
        await service.says("stopping")
        began = time.monotonic()
        service.ask_to_stop()
        code = await service.ended()
    finally:
        fragile.resume()

    assert code == 1
    assert time.monotonic() - began < EXIT
    assert service.lines()[-1]["event"] == "stopped at once"


async def test_a_stop_waits_for_a_request_that_hangs_for_as_long_as_its_deadline(
    scene: Scene,
) -> None:
    """And no longer: it is committed after it, and the exit code says so."""
    async with scene.load():
        service = await scene.start_to_work()
        with scene.fault("hang"):
            await scene.until(partial(scene.under_way, "set-gauge"), "a request hangs")
            began = time.monotonic()
            code = await _stopped(service)

    assert time.monotonic() - began < REQUEST_TIMEOUT + EXIT + 2
    assert code in (0, 1)
    assert (code == 0) is not bool(service.said("the stop took too long"))
