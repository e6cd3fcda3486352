"""The harness notices where its own loop, in which Foundry runs, stands still."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import cast

import pytest

from consumer.contracts import load
from consumer.pipeline import make_prepare
from deploy.local.chaos.kafka import Kafka
from deploy.local.chaos.settings import SETTLE_TIME
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.stalls import misgivings, note_stalls
from deploy.local.chaos.supply import Supply
from deploy.local.chaos.witnesses import Witnesses
from deploy.local.foundry import Foundry
from deploy.local.kafka import Broker


def made(folder: Path) -> Stage:
    """With nothing on it: what looks at the loop uses neither brokers nor Foundry."""
    seen = Witnesses(make_prepare(load("schemas").by_topic))
    nobody = object()
    return Stage(
        cast(Kafka, nobody),
        cast(Foundry, nobody),
        seen,
        cast(Broker, nobody),
        cast(Supply, nobody),
        lambda *_: pytest.fail("nothing is to be started"),
        chance=random.Random(1),
        seconds=1.0,
        folder=folder,
    )


@pytest.mark.parametrize(
    ("seconds", "noticed", "told"),
    [(0.2, 0, 0), (SETTLE_TIME - 0.5, 1, 0), (SETTLE_TIME + 1, 1, 1)],
)
async def test_a_loop_that_stands_still_is_noticed_and_for_long_gives_misgivings(
    seconds: float, noticed: int, told: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = made(tmp_path)
    now = 100.0
    monkeypatch.setattr(time, "time", lambda: now)
    looking = asyncio.create_task(note_stalls(stage))
    await asyncio.sleep(0)

    now += seconds
    stage.over = True
    await looking

    assert len(stage.seen.stalls) == noticed
    assert len(misgivings(stage.seen.stalls)) == told
