"""A process that is ambushed does to itself what it was told to, at that point and no other, once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import deploy.local.chaos.failpoint
from deploy.local.chaos import ambush
from deploy.local.demo.evidence import Place

ROOT = Path(deploy.local.chaos.failpoint.__file__).parents[3]
PROGRAM = """
from types import SimpleNamespace as Made
from deploy.local.chaos.failpoint import reached

record = Made(topic="orders", partition=2, offset=7)
entries = [Made(record=record, repeat=Made(value="never"))]
print("runs", flush=True)
while True:
    reached("elsewhere", entries)
    reached("here", entries)
"""


@contextmanager
def running(order: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that gets to both points again and again."""
    environment = {"PYTHONPATH": str(ROOT), deploy.local.chaos.failpoint.ORDER_FILE: str(order)}
    command = [sys.executable, "-c", PROGRAM]
    # The command is this file's own.
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"runs\n"
            yield process
        finally:
            process.kill()


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_it_dies_there_and_says_what_it_had_in_hand(tmp_path: Path) -> None:
    order = tmp_path / "order"
    with running(order) as process:
        hit = await ambush.hit(order, "here", signal.SIGKILL, "never")
        code = await asyncio.to_thread(process.wait)

    assert code == -signal.SIGKILL
    assert hit is not None
    assert (hit.point, hit.places) == ("here", [Place("orders", 2, 7)])
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(("point", "repeat"), [("nowhere", None), ("here", "ask")])
async def test_it_goes_on_where_the_order_is_for_another_point_or_request(
    point: str, repeat: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ambush, "GETS_THERE_WITHIN", 0.2)
    order = tmp_path / "order"
    with running(order) as process:
        hit = await ambush.hit(order, point, signal.SIGKILL, repeat)

        assert hit is None
        assert process.poll() is None
    assert left_in(tmp_path) == []
