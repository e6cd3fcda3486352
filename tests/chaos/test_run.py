"""One scenario for real: the service keeps its promises in it, and with the seeded defect it is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.chaos.run import play, subject
from deploy.local.chaos.scenarios import SCENARIOS
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER

pytestmark = NEEDS_BROKER
SECONDS = 6.0


@pytest.mark.slow
@pytest.mark.parametrize("seeded", [False, True], ids=["as it is", "with its defect"])
async def test_a_scenario_passes_and_catches_its_defect(*, seeded: bool, tmp_path: Path) -> None:
    scenario = SCENARIOS["kills"]
    defect = scenario.defects[0] if seeded else None

    async with Broker(tmp_path / "kafka") as broker:
        result = await play(
            scenario,
            subject("schemas"),
            broker,
            tmp_path,
            seed=7,
            seconds=SECONDS,
            defect=defect,
            patience=15.0,
        )

    faults = {name for name, found in result.verdict.faults.items() if found}
    assert result.disturbances
    assert result.verdict.published > 500
    if seeded:
        assert {"early commit", "lost"} <= faults
    else:
        assert not faults, result.verdict.faults
        assert result.verdict.applied > 500
