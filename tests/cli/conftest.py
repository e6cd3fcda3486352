"""Nothing of the developer's own environment or directory is seen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.calling import clean_environment


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
