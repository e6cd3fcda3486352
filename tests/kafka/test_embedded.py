"""The embedded broker: started by hand, ended by whatever ends its parent, and made of the jars that the lock file names."""

from __future__ import annotations

import dataclasses
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from deploy.local.kafka.__main__ import main
from deploy.local.kafka.jars import Jar, JarsUnavailable, ensure_jars, read_lock, sha256_of
from deploy.local.kafka.probe import answers
from deploy.local.kafka.properties import Seat, server_properties
from tests.broker import NEEDS_BROKER

pytestmark = NEEDS_BROKER

COMMAND = [sys.executable, "-m", "deploy.local.kafka", "--port", "0"]


@contextmanager
def by_hand(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], psutil.Process, str]]:
    """The started process, its broker and its address; nothing of it is left at the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    family = []
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        family = psutil.Process(process.pid).children(recursive=True)
        yield process, next(each for each in family if each.name() == "java"), address
    finally:
        for each in family:
            if each.is_running():
                each.kill()
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_it_prints_its_address_and_ends_with_sigterm() -> None:
    with by_hand(COMMAND) as (process, java, address):
        host, port = address.split(":")
        ready = answers(host, int(port))
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        gone = not java.is_running()

    assert ready
    assert code == 0
    assert gone


@pytest.mark.slow
def test_it_does_not_outlive_a_parent_that_was_killed() -> None:
    """Neither the broker its command, nor the command the process that started it."""
    starter = (
        "import subprocess, sys, time;"
        "subprocess.Popen([sys.executable, '-m', 'deploy.local.kafka', '--port', '0']);"
        "time.sleep(600)"
    )
    with by_hand([sys.executable, "-c", starter]) as (process, java, _):
        command = java.parent()
        assert command is not None
        process.kill()
        _, alive = psutil.wait_procs([java, command], timeout=30)

    assert alive == []


def test_a_child_does_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = (
        "import pathlib, sys, time; from deploy.local.kafka.child import Child;"
        f"child = Child(['sleep', '600'], pathlib.Path({str(tmp_path / 'out')!r}));"
        "print(child.process.pid, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))

    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs([child], timeout=10)

    assert alive == []


def test_a_property_without_a_value_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["--set", "nonsense"])

    assert result.exit_code == 2
    assert "'nonsense' is not NAME=VALUE" in result.output


def test_a_port_that_is_taken_is_named_and_whoever_has_it_is_not_taken_for_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["--port", str(port)])

    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 is taken" in result.stderr
    assert result.stdout == ""


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = CliRunner().invoke(main, ["--port", "0", "--data", str(tmp_path / "file" / "data")])

    assert result.exit_code == 1
    assert "Not a directory" in result.stderr
    assert str(tmp_path / "file") in result.stderr


def test_given_properties_win_and_given_listeners_come_on_top() -> None:
    extra = {"num.io.threads": "9", "listeners": "SSL://127.0.0.1:3"}

    text = server_properties(Path("data"), 1, Seat(1, {1: 2}, "id"), extra)

    assert "num.io.threads=9\n" in text
    assert (
        "\nlisteners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,SSL://127.0.0.1:3\n" in text
    )
    assert "\nadvertised.listeners=PLAINTEXT://127.0.0.1:1,SSL://127.0.0.1:3\n" in text


def small_jar() -> Jar:
    return next(jar for jar in read_lock() if "slf4j-nop" in jar.coordinate)


def test_several_at_once_in_an_empty_folder_get_whole_jars(tmp_path: Path) -> None:
    jar = small_jar()

    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: ensure_jars([jar], tmp_path / "cache"), range(4)))

    assert set(folders) == {tmp_path / "cache"}
    assert sha256_of(folders[0] / jar.filename) == jar.sha256
    assert {path.name for path in folders[0].iterdir()} == {".lock", jar.filename}


def test_a_jar_that_is_not_the_locked_one_is_refused_and_not_kept(tmp_path: Path) -> None:
    other = dataclasses.replace(small_jar(), sha256="0" * 64)

    with pytest.raises(JarsUnavailable, match=r"slf4j-nop.* is not what jars\.lock names"):
        ensure_jars([other], tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_jar_that_was_cut_short_is_fetched_again(tmp_path: Path) -> None:
    jar = small_jar()
    (tmp_path / jar.filename).write_bytes(b"half")

    ensure_jars([jar], tmp_path)

    assert sha256_of(tmp_path / jar.filename) == jar.sha256


def test_nothing_answers_where_nothing_listens() -> None:
    began = time.monotonic()

    assert not answers("127.0.0.1", 1)
    assert time.monotonic() - began < 5
