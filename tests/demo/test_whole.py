"""The demo itself, with few events: what a user sees first works, and says by its exit code whether it did."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.broker import NEEDS_BROKER
from tests.docs.pages import ROOT

pytestmark = [*NEEDS_BROKER, pytest.mark.slow]


def test_a_demo_lives_through_its_outage_and_its_kill_and_counts_what_came_of_it() -> None:
    command = [sys.executable, "-m", "deploy.local.demo", "--events", "1000", "--seed", "3"]

    done = subprocess.run(command, cwd=Path(ROOT), capture_output=True, text=True, check=False)  # noqa: S603 - our own program

    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    counts = {
        name.strip(): int(count)
        for name, count in re.findall(r"│ ([^│]+?) +│ +(\d+) │", done.stdout)
    }
    assert counts["published"] == 1000
    assert counts["applied"] > 900
    assert counts["dead-lettered"] > 0
    must_be_none = ("lost", "never or ask applied twice", "out of order", "wrong", "not committed")
    assert [counts[name] for name in must_be_none] == [0] * 5
    lines = [line for line in done.stdout.splitlines() if "  published " in line]
    assert any("gate open" not in line for line in lines), "no outage was seen"
    assert "kill -9" in done.stdout
