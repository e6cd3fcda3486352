"""mypy passes contracts that are right, and finds the mistakes that it is promised to find."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SNIPPETS = Path(__file__).parent / "snippets"
ROOT = Path(__file__).parents[2]

_MARKED = re.compile(r"# error: ([a-z -]+)$")
_REPORTED = re.compile(r"^(?:.*/)?(\w+)\.py:(\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)


def marked(name: str) -> set[tuple[str, int, str]]:
    lines = (SNIPPETS / f"{name}.py.txt").read_text().splitlines()
    found = ((number, _MARKED.search(line)) for number, line in enumerate(lines, start=1))
    return {(name, number, code) for number, mark in found if mark for code in mark[1].split()}


@pytest.mark.timeout(240)
def test_mypy_finds_exactly_the_mistakes(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """One run for all: it is slow. The plugin of pydantic is off, as owners may not have it."""
    for snippet in SNIPPETS.glob("*.py.txt"):
        (tmp_path / snippet.name.removesuffix(".txt")).write_text(snippet.read_text())
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("contract-snippets")

    run = subprocess.run(  # noqa: S603 - our own interpreter and files
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
            *(f"--cache-dir={cache}", str(tmp_path / "good.py"), str(tmp_path / "bad.py")),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )

    reported = {(name, int(line), code) for name, line, code in _REPORTED.findall(run.stdout)}
    assert run.stderr == ""
    assert reported == marked("good") | marked("bad"), run.stdout
