"""Whatever stands in a topic: each record has its one disposition, and the good ones around it are applied."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.broker import NEEDS_BROKER
from tests.e2e.jobs import Job, cloud
from tests.e2e.kafka import PARTITIONS
from tests.e2e.poisons import body, poisons
from tests.e2e.scene import Scene
from tests.e2e.test_admin import administered
from tests.kafka.raw import BAD_KEY, batch, bomb

pytestmark = NEEDS_BROKER

ROOM = {"budget_burst": 1000}
"""Letters that the test is about, not a sign of trouble."""


def _raw_poisons(prefix: str) -> list[tuple[Job, bytes]]:
    """What no client library would write: a header key that is not UTF-8, and a record of nothing at all."""
    record = f"{prefix}-unreadable"
    key, value, headers = record.encode(), body(record), cloud(record, "safe")
    written = batch((key, value, (*headers, ("BAD--", b"x"))))
    assert BAD_KEY in written
    escaped = (*headers, ("%FF%FEkey", b"x"))
    unreadable = Job(record, "broken", record, key, value, escaped, "unreadable")
    nothing = Job(f"{prefix}-nothing", "broken", prefix, None, None, headers, "undecodable")
    return [(unreadable, written), (nothing, batch((None, None, headers)))]


async def test_each_poison_in_each_partition_is_its_one_letter_and_all_good_ones_are_applied(
    scene: Scene,
) -> None:
    await scene.publish(100)
    planted: list[Job] = []
    for partition in range(PARTITIONS):
        jobs = poisons(f"poison-{partition}")
        await scene.kafka.publish(jobs, partition)
        raw = _raw_poisons(f"poison-{partition}")
        for job, written in raw:
            await scene.kafka.publish_raw(job, written, partition)
        planted += [*jobs, *(job for job, _ in raw)]
    await scene.publish(100)

    service = scene.start("run", "--until-end", "--timeout", "50", dead_letters=ROOM)
    code = await service.ended()

    assert code == 0, service.tail()
    verdict = await scene.verdict()
    assert not verdict.broken
    assert (verdict.resent, verdict.repeated_letters) == ({}, [])
    wanted = [job.expect for job in planted if job.expect != "applied"]
    assert verdict.reasons == {reason: wanted.count(reason) for reason in wanted}
    await scene.look()
    assert scene.committed, scene.latest


async def test_a_bomb_in_each_partition_stands_still_until_an_operator_skips_it(
    scene: Scene, tmp_path: Path
) -> None:
    """And then it is one letter; what stands behind it is applied."""
    async with administered(scene, tmp_path) as admin:
        service = admin.start()
        await admin.until_ready(service)
        await scene.publish(100)
        bombs = {}
        for partition in range(PARTITIONS):
            record = f"bomb-{partition}"
            job = Job(record, "broken", record, None, None, (), "skipped")
            bombs[partition] = await scene.kafka.publish_raw(job, bomb(512), partition)
        await scene.publish(100)
        await service.says("partition held", times=PARTITIONS)
        await scene.look_again()
        for partition, offset in bombs.items():
            assert not scene.latest[partition].is_done(offset)
            path = f"/partitions/{scene.kafka.topic}/{partition}/skip?offset="
            assert (await admin.ask("POST", f"{path}{offset + 1}"))[0] == 409
            status, told = await admin.ask("POST", f"{path}{offset}")
            assert (status, f"offset {offset} skipped" in told) == (200, True), told
        await scene.settled()
        await asyncio.sleep(0)
        assert service.code is None, service.tail()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.reasons == {"skipped": PARTITIONS}
