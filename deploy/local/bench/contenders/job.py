"""What every contender is told, and what all of them begin with."""

# mypy: allow-untyped-calls
# The client library ships no types of its own.

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Self

import aiohttp
from aiokafka import AIOKafkaConsumer
from yarl import URL

BATCH = 20
ONTOLOGY = "bench"
CLIENT_ID, CLIENT_SECRET = "bench", "bench-secret"
_FOREVER = sys.maxsize


@dataclass(frozen=True, slots=True)
class Job:
    """Read `events` records of a topic, and have each of them applied."""

    servers: str
    topic: str
    group: str
    sink: str
    """Foundry's place: scheme, host and port."""
    in_flight: int
    events: int = 0
    """0: go on until the process is ended."""

    @classmethod
    def told(cls) -> Self:
        """From the command line."""
        return cls(**json.loads(sys.argv[1]))

    @property
    def argument(self) -> str:
        return json.dumps(asdict(self))

    @property
    def wanted(self) -> int:
        return self.events or _FOREVER

    def url(self, action: str, verb: str) -> URL:
        """Of an action type's endpoint."""
        path = f"/api/v2/ontologies/{ONTOLOGY}/actions/{action}/{verb}"
        return URL(self.sink + path, encoded=True)


@asynccontextmanager
async def reading(job: Job) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of the topic from its beginning on, with the fetch sizes of the service."""
    consumer = AIOKafkaConsumer(
        job.topic,
        bootstrap_servers=job.servers,
        group_id=job.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_bytes=16 * 2**20,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def sending() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session that does as little as it can be told to."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        headers={"Authorization": "Bearer bench", "Content-Type": "application/json"},
    ) as session:
        yield session


async def post(session: aiohttp.ClientSession, url: URL, body: bytes) -> None:
    """Send, read the answer, and refuse any but a good one."""
    async with session.post(url, data=body) as response:
        await response.read()
        response.raise_for_status()
