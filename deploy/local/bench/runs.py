"""One run of one contender in a process of its own, and what it took."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.local.bench.contenders.job import CLIENT_ID, CLIENT_SECRET, ONTOLOGY, Job
from deploy.local.bench.contracts.orders import TOPIC
from deploy.local.bench.machine import cpu_so_far, peak_mib, pin
from deploy.local.bench.topics import LETTERS
from deploy.local.bench.world import Seen, Sink, World

Contender = Literal["consumer", "loop", "bare", "naive", "sdk", "keyed", "read"]

_LOOK_EVERY = 0.05
_LOOK_OFTEN = 0.005
_MOST_SECONDS = 600.0
_OURS = ("CONSUMER_", "FOUNDRY_", "KAFKA_", "OTEL_")

_SETTINGS = """
[consumer]
contracts = "deploy.local.bench.contracts"
[kafka]
bootstrap_servers = "{servers}"
group_id = "{group}"
[topics]
"{contract_topic}" = "{topic}"
[foundry]
hostname = "{sink}"
ontology = "{ontology}"
client_id = "{client_id}"
client_secret = "{client_secret}"
max_in_flight = {in_flight}
[dead_letters]
topic = "{letters}"
[admin]
port = 0
[log]
level = "warning"
format = "json"
"""


class RunFailed(Exception):  # a command's own error, outside the service's tree
    """A contender did not do its work, so that what it took says nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a finished run took; CPU seconds are user and system of the whole process."""

    events: int
    cpu: float
    working: float
    """Of these, the ones after its first request. A start takes a second, and not the same twice."""
    peak_mib: float
    seen: Seen

    @property
    def per_second(self) -> float:
        return self.events / self.seen.seconds

    @property
    def per_request(self) -> float:
        """Events that a request carried in the mean."""
        return self.seen.items / self.seen.requests


class Started:
    """A contender at work."""

    def __init__(self, world: World, contender: Contender, job: Job, before: Sequence[str]) -> None:
        self.contender = contender
        self._output = world.scratch / f"{contender}-{job.group}.out"
        command = [sys.executable, *before, *_command(world.scratch, contender, job)]
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own modules
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(),
                cwd=world.scratch,
            )
        pin(self.process.pid, world.cores.measured)
        self.peak_mib = 0.0

    def until_at_work(self, sink: Sink) -> float:
        """Its CPU seconds when its first request has arrived, or 0 where it ended without one.

        Raises:
            RunFailed: it neither sends anything nor ends.
        """
        deadline = time.monotonic() + _MOST_SECONDS
        while not sink.seen().requests:
            # Not reaped: how much it took in all is told once only.
            if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return 0.0
            if time.monotonic() > deadline:
                self.kill()
                raise RunFailed(f"{self.contender} sends nothing for {_MOST_SECONDS:g} seconds")
            time.sleep(_LOOK_OFTEN)
        return cpu_so_far(self.process.pid)

    def wait(self) -> float:
        """Its CPU seconds, when it has ended.

        Raises:
            RunFailed: it ended with an error, or not at all.
        """
        deadline = time.monotonic() + _MOST_SECONDS
        while True:
            self.peak_mib = max(self.peak_mib, peak_mib(self.process.pid))
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                break
            if time.monotonic() > deadline:
                self.kill()
                raise RunFailed(f"{self.contender} is not done after {_MOST_SECONDS:g} seconds")
            time.sleep(_LOOK_EVERY)
        if self.process.returncode:
            raise RunFailed(f"{self.contender} failed: {self._output.read_text()[-3000:]}")
        return usage.ru_utime + usage.ru_stime

    def stop(self) -> None:
        """Have it end, in order where it knows how."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(_MOST_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def start(
    world: World,
    contender: Contender,
    topic: str,
    *,
    events: int = 0,
    in_flight: int = 16,
    before: Sequence[str] = (),
) -> Started:
    """Start a contender on the topic's records, in a group of its own; it ends by itself if `events` is set."""
    job = Job(world.servers, topic, uuid.uuid4().hex, world.sink.url, in_flight, events)
    return Started(world, contender, job, before)


def measure(
    world: World,
    contender: Contender,
    topic: str,
    *,
    events: int,
    in_flight: int = 16,
    delay: tuple[float, float] = (0.0, 0.0),
    before: Sequence[str] = (),
) -> Run:
    """Run a contender over all `events` records of a topic, against a sink that answers after `delay`.

    Raises:
        RunFailed: it failed, or it did not apply each event once.
    """
    world.sink.reset(low=delay[0], high=delay[1])
    started = start(world, contender, topic, events=events, in_flight=in_flight, before=before)
    before_work = started.until_at_work(world.sink)
    cpu = started.wait()
    seen = world.sink.seen()
    if contender != "read" and seen.items != events:
        raise RunFailed(f"{contender} applied {seen.items} of {events} events")
    return Run(events, cpu, cpu - before_work, started.peak_mib, seen)


def _command(scratch: Path, contender: Contender, job: Job) -> list[str]:
    if contender != "consumer":
        return ["-m", f"deploy.local.bench.contenders.{contender}", job.argument]
    config = scratch / f"consumer-{job.group}.toml"
    config.write_text(
        _SETTINGS.format(
            servers=job.servers,
            group=job.group,
            contract_topic=TOPIC,
            topic=job.topic,
            sink=job.sink,
            ontology=ONTOLOGY,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            in_flight=job.in_flight,
            letters=LETTERS,
        )
    )
    to_the_end = ["--until-end"] if job.events else []
    return ["-m", "consumer", "run", "--config", str(config), *to_the_end]


def environment() -> Mapping[str, str]:
    """Without settings of whoever runs this; the modules are found from any folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    root = str(Path(__file__).parents[3])
    return kept | {"PYTHONPATH": os.pathsep.join((root, kept.get("PYTHONPATH", "")))}
