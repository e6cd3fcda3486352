"""Random schedules of records and faults: whatever happens, every law holds, and all is settled when faults end.

A failure names its seed and shows the end of the world's trace; `random_world(seed)` is that run again.
"""

from __future__ import annotations

import pytest

from consumer.state.vitals import Verdict
from tests.flow.random_world import random_world
from tests.flow.watched import watched
from tests.flow.wide_world import wide_world

SHARE, SOAK = 20, 50
"""Worlds in one test."""


@pytest.mark.parametrize(
    "share",
    [*range(10), *(pytest.param(share, marks=pytest.mark.slow) for share in range(10, 75))],
)
def test_every_law_holds_whatever_happens(share: int) -> None:
    for seed in range(share * SHARE, (share + 1) * SHARE):
        random_world(seed)


@pytest.mark.parametrize(
    "share",
    [*range(5), *(pytest.param(share, marks=pytest.mark.slow) for share in range(5, 40))],
)
def test_every_law_holds_in_a_wider_world_too(share: int) -> None:
    """Nor does the watchdog find a process stuck in one."""
    verdicts: list[Verdict] = []
    for seed in range(share * SHARE, (share + 1) * SHARE):
        wide_world(seed, service=watched(verdicts))

    assert not verdicts


@pytest.mark.parametrize("seed", [1_186, 2_349, 3_683])
def test_what_a_wider_world_once_found_stays_mended(seed: int) -> None:
    wide_world(seed, service=watched([]))


@pytest.mark.parametrize(
    "seed",
    [
        1_202,
        10_546,
        11_027,
        11_627,
        11_754,
        12_088,
        12_770,
        15_884,
        16_746,
        16_791,
        16_916,
        17_210,
        19_353,
        102_763,
    ],
)
def test_what_a_long_run_once_found_stays_mended(seed: int) -> None:
    random_world(seed)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("share", range(200))
def test_every_law_holds_in_ten_thousand_worlds(share: int) -> None:
    for seed in range(10_000 + share * SOAK, 10_000 + (share + 1) * SOAK):
        random_world(seed)
