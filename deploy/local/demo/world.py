"""What the demo runs: Kafka, the Foundry emulator and the service itself, each a process that dies with this one."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.demo.events import PARTITIONS
from deploy.local.demo.failed import DemoFailed
from deploy.local.demo.kafka import Names
from deploy.local.demo.sites import ontology
from deploy.local.kafka import Broker
from deploy.local.kafka.broker import free_ports
from deploy.local.kafka.child import Child

GROUP = "demo"
COMMIT_INTERVAL = 1.0
REQUEST_TIMEOUT = 2.0
SETTLE_TIME = 2.0
SESSION_TIMEOUT = 6
"""Kafka waits so long for a member that was killed."""
LATENCY = "latency:low=0.01,high=0.06"
START_TIMEOUT = 20.0
STOP_TIMEOUT = 20.0
OURS = ("KAFKA_", "FOUNDRY_", "CONSUMER_")
SECRET = "demo-secret"  # noqa: S105 - of the emulator, which knows no other


@dataclass(frozen=True, slots=True)
class World:
    """What is running, and where."""

    folder: Path
    bootstrap_servers: str
    names: Names
    group: str
    foundry_url: str
    config: Path
    log: Path
    admin_port: int = 0
    """Where the service tells of itself and takes an operator's verbs; 0: it does not."""

    @property
    def operator_token(self) -> Path:
        """The file that has the token of the verbs."""
        return self.folder / "operator-token"

    def start_service(self) -> Child:
        """The service as a user starts it."""
        command = [sys.executable, "-m", "consumer", "run", "--config", str(self.config)]
        return Child(command, self.log)


@contextmanager
def running(tickets: Iterable[int], *, operated: bool) -> Iterator[World]:
    """Kafka and the emulator, with an ontology that knows the printers of these tickets.

    `operated`: the service gets a port for operators.

    Raises:
        DemoFailed: the emulator does not start.
        BrokerFailed, JarsUnavailable: Kafka does not start, or cannot be downloaded.
    """
    foreign = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    _forget_settings()
    with tempfile.TemporaryDirectory(prefix="foundry-demo-") as scratch:
        folder = Path(scratch)
        with _kafka(folder, foreign) as servers, _foundry(folder, tickets) as url:
            unique = uuid.uuid4().hex[:8]
            names = Names(f"demo-{unique}." if foreign else "")
            group = f"{GROUP}-{unique}" if foreign else GROUP
            world = World(
                folder,
                servers,
                names,
                group,
                url,
                folder / "consumer.toml",
                folder / "consumer.log",
                free_ports(1)[0] if operated else 0,
            )
            _write_config(world)
            yield world


def _forget_settings() -> None:
    """Variables win over the settings' file: those of a real installation must not aim the demo at it."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]


@contextmanager
def _kafka(folder: Path, foreign: str | None) -> Iterator[str]:
    if foreign:
        yield foreign
        return
    with Broker(folder / "kafka") as broker:
        yield broker.bootstrap_servers


@contextmanager
def _foundry(folder: Path, tickets: Iterable[int]) -> Iterator[str]:
    description = folder / "ontology.json"
    description.write_text(json.dumps(ontology(tickets)))
    output = folder / "foundry.out"
    command = [sys.executable, "-m", "deploy.local.foundry", "--port", "0"]
    command += ["--ontology", str(description), "--client", f"consumer:{SECRET}"]
    child = Child([*command, "--fault", LATENCY], output)
    try:
        yield _address(child, output)
    finally:
        child.terminate(STOP_TIMEOUT)


def _address(child: Child, output: Path) -> str:
    """What the emulator prints when it is ready."""
    deadline = time.monotonic() + START_TIMEOUT
    while child.alive and time.monotonic() < deadline:
        for line in output.read_text().splitlines():
            if line.startswith("http://"):
                return line.strip()
        time.sleep(0.05)
    raise DemoFailed(f"the Foundry emulator did not start: {output.read_text()[-2000:]}")


def _write_config(world: World) -> None:
    secret = world.folder / "client_secret"
    for file, text in ((secret, SECRET), (world.operator_token, secrets.token_hex(16))):
        file.touch(mode=0o600)
        file.write_text(text)
    topics = "".join(f'"{topic}" = "{world.names.here(topic)}"\n' for topic in PARTITIONS)
    world.config.write_text(
        f"""# The service's settings in the demo; what is not here has its default.
[kafka]
bootstrap_servers = "{world.bootstrap_servers}"
group_id = "{world.group}"
session_timeout = {SESSION_TIMEOUT}
commit_interval = {COMMIT_INTERVAL}

[topics]
{topics}
[foundry]
hostname = "{world.foundry_url}"
ontology = "fieldwork"
client_id = "consumer"
client_secret_file = "{secret}"
request_timeout = {REQUEST_TIMEOUT}
settle_time = {SETTLE_TIME}

[stop]
grace = {REQUEST_TIMEOUT + 8}

[admin]
port = {world.admin_port}
token_file = "{world.operator_token}"

[log]
format = "json"
"""
    )


def treat_as_interrupt(*numbers: signal.Signals) -> None:
    """These signals end the demo as Ctrl-C does: in order, with nothing left running."""
    # A shell that starts it in the background lets it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in numbers:
        signal.signal(number, lambda *_: os.kill(os.getpid(), signal.SIGINT))
