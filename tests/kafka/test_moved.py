"""All brokers move at once, as when a cluster is made anew behind one name: found again, by the same process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consumer.kafka.source import FIND_TIMEOUT
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster
from tests.kafka.member import BootClock, config, joined, polling

pytestmark = NEEDS_BROKER


class Name:
    """One address, behind which the broker moves."""

    def __init__(self) -> None:
        self.leads_to = 0
        self.port = 0

    @asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there = await asyncio.open_connection("127.0.0.1", self.leads_to)
            await asyncio.gather(_pass_on(reader, there[1]), _pass_on(there[0], writer))
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.mark.slow
async def test_brokers_that_have_all_moved_are_found_by_asking_the_configured_servers_anew(
    tmp_path: Path,
) -> None:
    name = Name()
    async with Broker(tmp_path / "kafka") as first, name.served():
        name.leads_to = first.port
        topic = await Cluster(first.bootstrap_servers).create_topic()
        async with joined(config(f"127.0.0.1:{name.port}"), topic) as member, polling(member):
            await asyncio.to_thread(first.kill)
            async with Broker(tmp_path / "kafka") as second:
                assert second.port != first.port
                name.leads_to = second.port
                # As long as nobody asks, the lease runs out.
                await asyncio.sleep(member.config.lease_length)
                assert member.source.lease() < BootClock().now()

                assert await member.source.find_anew()

                async with asyncio.timeout(30):
                    while member.source.lease() < BootClock().now():
                        await asyncio.sleep(0.05)


async def test_servers_that_do_not_answer_are_asked_for_some_seconds_and_no_longer(
    cluster: Cluster,
) -> None:
    topic = await cluster.create_topic()
    name = Name()
    async with name.served():
        name.leads_to = int(cluster.bootstrap_servers.rpartition(":")[2])
        async with joined(config(f"127.0.0.1:{name.port}"), topic) as member:
            name.leads_to = 9  # nobody is there
            async with asyncio.timeout(FIND_TIMEOUT + 2):
                assert not await member.source.find_anew()
