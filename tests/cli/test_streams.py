"""A command whose output cannot be written says so, or nothing; it is no bug, and no connection takes its place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import CONTRACTS, ROOT, clean_environment, contracts_named

LISTED = ("contracts", "ls")


def without(closed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Called by a shell that closes streams, as some supervisors do."""
    called = f'exec "$0" -m consumer "$@" {closed}'
    return subprocess.run(  # noqa: S603 - our own program
        ["/bin/sh", "-c", called, sys.executable, *arguments],
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize(
    "command", [LISTED, (*LISTED, "--json"), ("check",), ("contracts", "schema", "paid.v1")]
)
def test_a_full_disk_is_named_and_is_no_bug(command: tuple[str, ...]) -> None:
    contracts_named("overflowing")

    result = without(">/dev/full", *command)

    assert result.returncode == 1
    assert result.stderr == "error: standard output cannot be written: No space left on device\n"


def test_a_reader_that_has_gone_is_no_bug() -> None:
    contracts_named("unread")
    read, write = os.pipe()
    os.close(read)

    with os.fdopen(write, "w") as nobody:
        result = subprocess.run(
            [sys.executable, "-m", "consumer", "contracts", "schema", "paid.v1"],
            env=clean_environment() | {"PYTHONPATH": str(ROOT)},
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=20,
        )

    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_answer(closed: str) -> None:
    contracts_named("mute")

    assert without(closed, *LISTED).returncode == 0
    Path("mute/__init__.py").write_text("import no_such_module\n")
    assert without(closed, *LISTED).returncode == 2


def test_no_connection_takes_the_place_of_a_closed_stream() -> None:
    """What ends a process at once writes its last line to number 2, whatever that is by then."""
    contracts_named(
        "displaced",
        "import pathlib, socket\n"
        "with socket.socket() as it: pathlib.Path('number').write_text(str(it.fileno()))\n",
    )

    without("<&- >&- 2>&-", *LISTED)

    assert int(Path("number").read_text()) > 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_the_output_has_no_letters_for_is_escaped(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    contracts_named(f"foreign_{encoding[:5]}", CONTRACTS.replace("paid.v1", "bezahlt→v1"))
    monkeypatch.setenv("PYTHONIOENCODING", encoding)

    listed, checked = without("", *LISTED), without("", "check")

    assert (listed.returncode, checked.returncode) == (0, 0)
    assert "bezahlt\\u2192v1" in listed.stdout
    assert "bezahlt\\u2192v1" in checked.stdout
