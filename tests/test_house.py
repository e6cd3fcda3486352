"""The house stays livable: no module outgrows a few screens, and every exception to a rule gives its reason in one way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("consumer", "deploy", "schemas", "tests")
TOO_LONG = 300
NOQA = re.compile(r"# noqa\b.*")
WITH_REASON = re.compile(r"# noqa: [A-Z]+\d+(, [A-Z]+\d+)*( - \S.*)?")
"""A reason may stand in the comment above, too."""


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_has_300_lines(folder: str) -> None:
    """One that grows to it has two reasons to change: split it by them."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(folder)
    }

    assert {path: length for path, length in lengths.items() if length >= TOO_LONG} == {}


@pytest.mark.parametrize("folder", ["consumer", "schemas", "tests"])
def test_each_noqa_is_written_in_one_way(folder: str) -> None:
    for path in modules(folder):
        for line in path.read_text(encoding="utf-8").splitlines():
            for found in NOQA.findall(line):
                text = found.partition("\\n")[0].rstrip('",')
                assert path == Path(__file__) or WITH_REASON.fullmatch(text), f"{path}: {found}"
