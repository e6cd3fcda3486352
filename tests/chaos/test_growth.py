"""What a process takes is noticed when it becomes more, and not when it only goes up and down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.chaos import growth as growing
from deploy.local.chaos.failpoint import TASKS, write_whole
from deploy.local.chaos.growth import LONG, MIB, Look, growth, in_words, watched
from deploy.local.chaos.process import Consumer

FLAT = [
    Look(float(second), (100 + second % 7) * MIB, 40 + second % 9, 200 + second % 30)
    for second in range(0, 2 * int(LONG), 10)
]


def test_up_and_down_is_no_growth() -> None:
    assert growth(FLAT) == []
    assert in_words(FLAT) == (
        "by quarter: MiB 103, 103, 103, 103; file descriptors 43, 44, 44, 43; tasks 210, 210, 210, 210"
    )


def test_what_the_first_quarter_takes_on_is_warming_up() -> None:
    cold = [replace(look, memory=look.memory // 2, tasks=1) for look in FLAT[:30]]

    assert growth([*cold, *FLAT[30:]]) == []


@pytest.mark.parametrize(
    ("name", "grown"),
    [
        ("memory", lambda at, look: replace(look, memory=look.memory + at * MIB)),
        ("file descriptors", lambda at, look: replace(look, descriptors=look.descriptors + at)),
        ("tasks", lambda at, look: replace(look, tasks=look.tasks + 2 * at)),
    ],
)
def test_a_little_more_each_time_is_noticed(name: str, grown: Callable[[int, Look], Look]) -> None:
    (found,) = growth([grown(at, look) for at, look in enumerate(FLAT)])

    assert found.startswith(f"{name}: ")


def test_in_a_short_run_memory_may_still_warm_up() -> None:
    short = [replace(look, time=look.time / 10, memory=at * MIB) for at, look in enumerate(FLAT)]

    assert growth(short) == []


def test_too_few_looks_are_a_fault_and_no_verdict() -> None:
    assert "only 3 looks" in growth(FLAT[:3])[0]


async def test_a_process_is_looked_at_while_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "LOOK_EVERY", 0.02)
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(60)")
    sleeper = Consumer(
        tmp_path / "none.toml", tmp_path / "x.log", [tmp_path, Path.cwd()], module="sleeper"
    )
    untold = sleeper.tasks()
    write_whole(sleeper.orders.with_name(sleeper.orders.name + TASKS), 17)
    try:
        async with asyncio.timeout(10), watched(sleeper) as looks:
            while len(looks) < 3:
                await asyncio.sleep(0.01)
            sleeper.kill()
            await asyncio.sleep(0.1)
            seen = len(looks)
            await asyncio.sleep(0.1)
    finally:
        sleeper.kill()

    assert untold is None
    assert len(looks) == seen
    assert looks[0].tasks == 17
    assert looks[0].memory > 0
    assert looks[0].descriptors >= 1
