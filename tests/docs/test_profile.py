"""The profile of one event knows its stages by files and functions: one that was renamed would count nowhere."""

from __future__ import annotations

import pytest

from deploy.local.bench.sections.profile import _STAGES
from tests.mutations.copies import ROOT

OURS = [
    (path, function)
    for path, function, _ in _STAGES
    if path.split("/")[0] not in ("aiokafka", "aiohttp", "asyncio")
]


@pytest.mark.parametrize(("path", "function"), OURS)
def test_each_stage_of_the_profile_is_there(path: str, function: str) -> None:
    found = [
        file
        for base in ("consumer", "deploy")
        for file in (ROOT / base).rglob("*.py")
        if path in str(file)
    ]

    assert found
    name = function.rpartition(".")[2]
    assert any(f"def {name}" in file.read_text() for file in found)
