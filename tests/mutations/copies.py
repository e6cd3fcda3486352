"""Copies of the project that may be broken, and pytest run in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PARTS = ("consumer", "schemas", "deploy", "tests")
_FILES = ("pyproject.toml",)
_NOT_OURS = ("PYTEST_", "COV", "PYTHON", "HYPOTHESIS_")
"""Beginnings of variables that would change what the inner pytest does."""
_RUN_ENDS_IN = 240.0
"""Seconds; a defect may well make a test hang, which then fails by its own timeout."""


class Exit(IntEnum):
    """Of pytest's exit codes those that say something of the tests; all others are faults of the run."""

    PASSED = 0
    FAILED = 1


@dataclass(frozen=True, slots=True)
class Ran:
    """What pytest said."""

    code: int
    output: str

    @property
    def failure(self) -> str:
        """The lines of the error itself, without docstrings; a group's are drawn as a tree."""
        lines = self.output.splitlines()
        return "\n".join(line for line in lines if line.startswith(("E ", "  | ", "    | ")))


def copy_project(where: Path) -> Path:
    """The project as it stands now, compiled files included."""
    for part in _PARTS:
        # Times are kept, so that compiled files are still believed. Those that another process is just
        # writing have a number behind their name, and may be gone before they are copied.
        shutil.copytree(ROOT / part, where / part, ignore=shutil.ignore_patterns("*.pyc.*"))
    for file in _FILES:
        shutil.copy2(ROOT / file, where / file)
    return where


def share(pristine: Path, where: Path) -> Path:
    """A copy that costs nothing: its files are hard links, of which single ones may be replaced."""
    shutil.copytree(pristine, where, copy_function=os.link)
    return where


def run_tests(root: Path, tests: Iterable[str]) -> Ran:
    """Run these tests against the copy at `root`, up to the first failure.

    Raises:
        subprocess.TimeoutExpired: they have not ended after four minutes.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_OURS)}
    options = ("-x", "-q", "--tb=short", "-p", "no:cacheprovider", "-p", "no:randomly")
    done = subprocess.run(  # noqa: S603 - this interpreter, on the names of the table
        (sys.executable, "-m", "pytest", *options, "--hypothesis-seed=0", *tests),
        cwd=root,
        env=kept | {"PYTHONPATH": str(root), "TRACE_LINES": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_RUN_ENDS_IN,
        check=False,
    )
    return Ran(done.returncode, done.stdout)
