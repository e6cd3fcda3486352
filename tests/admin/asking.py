"""The admin port on loopback, with an operator that keeps what it was told, and real requests to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from consumer.admin import AdminConfig, Surface, serve
from consumer.errors import NotAssigned, SkipRefused
from consumer.model import Partition
from consumer.settings import Secret

TOKEN = "Kanarie7-operator-token"  # noqa: S105 - a canary
HERE = Partition("tickets", 3)
STUCK_AT = 41


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class KeepingOperator:
    """Has one partition, which is stuck at one offset."""

    told: list[str] = field(default_factory=list)
    bug: bool = False

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")

    async def skip(self, partition: Partition, offset: int) -> str:
        if self.bug:
            raise RuntimeError("canary of a bug")
        if partition != HERE:
            raise NotAssigned(f"{partition.topic}/{partition.partition} is not assigned here now")
        if offset != STUCK_AT:
            raise SkipRefused(f"tickets/3 is held at offset {STUCK_AT}, not at {offset}")
        self.told.append(f"skip {offset}")
        return f"tickets/3: offset {offset} skipped"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Port:
    """Where it listens, and what is behind it."""

    number: int
    operator: KeepingOperator
    clock: Clock
    checks: dict[str, str]
    session: aiohttp.ClientSession

    async def ask(
        self, method: str, path: str, *, token: str | None = None, **given: Any
    ) -> Answer:
        """One request; the path is sent as it stands here."""
        headers = dict(given.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        url = f"http://127.0.0.1:{self.number}{path}"
        async with self.session.request(method, url, headers=headers, **given) as response:
            return Answer(response.status, response.headers.copy(), await response.read())

    async def raw(self, *lines: str, body: bytes = b"") -> Answer:
        """A request as these lines, whatever they are."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number)
        try:
            writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
            received = await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *fields = head.decode().split("\r\n")
        return Answer(int(first.split()[1]), dict(f.split(": ", 1) for f in fields), rest)


@asynccontextmanager
async def listening(
    token: Secret | None = None, hosts: Sequence[str] = (), host: str = "127.0.0.1"
) -> AsyncIterator[Port]:
    """Without a token in the settings, unless one is given."""
    operator, clock = KeepingOperator(), Clock()
    checks = {"loop": "", "settling": ""}
    surface = Surface(
        live=lambda: checks,
        ready=lambda: checks,
        metrics=lambda accept: (b"up 1\n", f"text/plain; accept={accept or 'none'}"),
        status=lambda: {"gate": list(operator.told)},
        operator=operator,
    )
    config = AdminConfig(host, 0, token, hosts)
    async with serve(config, surface, now=clock) as number, aiohttp.ClientSession() as session:
        yield Port(number, operator, clock, checks, session)


def given() -> Secret:
    """The token, as text in the settings."""
    return Secret("admin.token", text=TOKEN)
