"""The world of a benchmark: a broker, a sink, and topics, all on cores of their own."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.bench.machine import Cores, pin, share_out
from deploy.local.bench.topics import LETTERS, Topics
from deploy.local.kafka import Broker

_HOST = "127.0.0.1"
_ANSWERS_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the sink saw since it was reset; times are seconds of the monotonic clock."""

    requests: int
    items: int
    most_in_flight: int
    first: float
    last: float
    arrivals: list[float]
    """One for each action, if they were asked for."""

    @property
    def seconds(self) -> float:
        """From the first request's arrival to the last one's answer."""
        return self.last - self.first


class Sink:
    """The running sink."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.url = f"http://{_HOST}:{port}"

    def reset(self, *, low: float = 0.0, high: float | None = None, arrivals: bool = False) -> None:
        """Forget all; from now on answer after `low` to `high` seconds, drawn anew in the same way each time."""
        high = low if high is None else high
        wanted = {"low": low, "high": high, "arrivals": arrivals}
        self._ask("POST", "/bench/reset", json.dumps(wanted))

    def seen(self) -> Seen:
        return Seen(**self._ask("GET", "/bench/seen"))

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        with closing(http.client.HTTPConnection(_HOST, self._port, _ANSWERS_WITHIN)) as connection:
            connection.request(method, path, body)
            return json.loads(connection.getresponse().read())


@dataclass(frozen=True, slots=True)
class World:
    """All that a contender is measured in."""

    topics: Topics
    sink: Sink
    cores: Cores
    scratch: Path

    @property
    def servers(self) -> str:
        return self.topics.servers


@contextmanager
def world() -> Iterator[World]:
    """Started now, and gone at the end. `KAFKA_BOOTSTRAP_SERVERS` names another broker, which stays."""
    cores = share_out()
    before = os.sched_getaffinity(0) if cores.serving else set()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        # Broker, sink and this process, which produces and looks on: children inherit it.
        pin(0, cores.serving)
        stack.callback(pin, 0, frozenset(before))
        servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
        if servers is None:
            broker = stack.enter_context(Broker(scratch / "kafka"))
            servers = broker.bootstrap_servers
        sink = stack.enter_context(_sink())
        topics = Topics(servers)
        topics.empty(LETTERS, 1)
        yield World(topics, sink, cores, scratch)


@contextmanager
def _sink() -> Iterator[Sink]:
    command = [sys.executable, "-m", "deploy.local.bench.sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            if process.stdout is None:
                raise OSError("the sink has no output")
            yield Sink(int(process.stdout.readline()))
        finally:
            process.terminate()
