"""A stop at the very start: nothing was taken in, so nothing is left undone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.programs import ROOT, written


@pytest.fixture
def silence() -> Iterator[socket.socket]:
    """Where connections are taken, and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        yield server


def test_a_stop_while_no_broker_answers_yet_is_a_success_at_once(
    silence: socket.socket, tmp_path: Path
) -> None:
    settings = written(tmp_path, silence.getsockname()[1])
    program = [sys.executable, "-m", "consumer", "run", "--config", str(settings)]
    with subprocess.Popen(program, cwd=ROOT, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own program
        try:
            with silence.accept()[0]:
                child.send_signal(signal.SIGTERM)
                began = time.monotonic()
                _, said = child.communicate(timeout=25)
        finally:
            child.kill()

    assert child.returncode == 0, said
    assert '"event": "stopping"' in said
    assert "Traceback" not in said
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_contracts_are_imported_is_a_success_at_once(
    number: signal.Signals, tmp_path: Path
) -> None:
    """The first process of a container is deaf to a signal that has no handler: it would run on, and be killed."""
    settings = written(tmp_path, 9)
    (tmp_path / "slow.py").write_text(
        "import time\nopen('begun', 'w').close()\nfor _ in range(200): time.sleep(0.1)\n"
    )
    program = [sys.executable, "-m", "consumer", "run", "--config", str(settings)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CONSUMER_CONTRACTS": "slow"}
    with subprocess.Popen(  # noqa: S603 - our own program
        program, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            until = time.monotonic() + 15
            while not (tmp_path / "begun").exists() and time.monotonic() < until:
                time.sleep(0.02)
            child.send_signal(number)
            _, said = child.communicate(timeout=10)
        finally:
            child.kill()

    assert child.returncode == 0, said
    assert "Traceback" not in said
    assert "bug" not in said
