"""What a process has used so far is told while it lives, as finely as the figures need it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from deploy.local.bench.machine import cpu_so_far

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")


def test_what_a_living_process_has_used_is_told_exactly() -> None:
    before = time.process_time()
    told = cpu_so_far(os.getpid())
    after = time.process_time()
    assert before <= told <= after


def test_nothing_is_told_of_a_process_that_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert cpu_so_far(process.pid) == 0.0
