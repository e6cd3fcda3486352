"""What comes of each record, where nothing fails."""

from __future__ import annotations

import pytest

from tests.broker import NEEDS_BROKER
from tests.e2e.jobs import Job, broken, job
from tests.e2e.scene import Scene

pytestmark = NEEDS_BROKER


def _between_good_ones(rounds: int) -> list[Job]:
    """Broken jobs, each with a good one before and after it, in the same lane."""
    jobs: list[Job] = []
    for number in range(rounds):
        lane = f"mingled-{number}"
        for place, each in enumerate(broken(lane)):
            jobs += [job(f"{lane}-good-{place}", "never", lane), each]
        jobs.append(job(f"{lane}-good-last", "safe", lane))
    return jobs


@pytest.mark.parametrize("rounds", [2, pytest.param(30, marks=pytest.mark.soak)])
async def test_everything_is_applied_or_lettered_or_ignored_and_a_run_to_the_end_exits_with_0(
    scene: Scene, rounds: int
) -> None:
    """A broken record is one letter with its own bytes; the good ones around it are applied in order."""
    await scene.publish(150 * rounds)
    planted = _between_good_ones(rounds)
    await scene.kafka.publish(planted)
    await scene.publish(50 * rounds)

    # So many broken ones among so few others are an outage to the letter budget, which would stop them all.
    paid = {"budget_burst": len(planted)}
    service = scene.start("run", "--until-end", "--timeout", "50", dead_letters=paid)
    code = await service.ended()

    assert code == 0, service.tail()
    verdict = await scene.verdict()
    assert not verdict.broken
    assert (verdict.resent, verdict.repeated_letters) == ({}, [])
    wanted = [each.expect for each in planted if each.expect != "applied"]
    assert verdict.reasons == {reason: wanted.count(reason) for reason in wanted}
    assert verdict.ignored > 0
    await scene.look()
    assert scene.committed, scene.latest
