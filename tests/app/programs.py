"""Small programs in processes of their own, for what ends a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import consumer

ROOT = Path(consumer.__file__).parent.parent
ENDS_IN = 25.0
"""Seconds that a process may take before its test fails; far above any limit that is tested."""


@contextmanager
def program(text: str) -> Iterator[subprocess.Popen[str]]:
    """It runs, and its output can be read; killed at the end if it is still there."""
    with subprocess.Popen(  # noqa: S603 - our own text
        [sys.executable, "-c", text],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def heard(child: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code, and what it wrote to stderr."""
    _, said = child.communicate(timeout=ENDS_IN)
    return child.returncode, said


def written(folder: Path, kafka_port: int) -> Path:
    """Settings of a service whose broker would be at this port, and whose Foundry is nowhere."""
    settings = folder / "consumer.toml"
    settings.write_text(
        f"""
        [kafka]
        bootstrap_servers = "127.0.0.1:{kafka_port}"
        group_id = "g"
        [foundry]
        hostname = "http://127.0.0.1:9"
        ontology = "o"
        client_id = "c"
        client_secret = "canary"
        [admin]
        port = 0
        [stop]
        grace = 21
        """
    )
    return settings


def scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of whoever runs the tests is a setting."""
    for name in list(os.environ):
        if name.upper().startswith(("KAFKA_", "FOUNDRY_", "CONSUMER_")):
            monkeypatch.delenv(name)
