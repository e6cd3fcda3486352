"""Requests to a broker that says nothing: without a broker."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.metadata import MetadataRequest

from consumer.kafka.library import patches
from tests import virtual_time

NODE = 0
TIMEOUT = 40.0


class Silence:
    """A broker's socket: it takes everything and answers nothing."""

    def write(self, data: bytes) -> None:
        assert data

    def close(self) -> None:
        return


def to_a_silent_broker() -> AIOKafkaClient:
    """With a connection that was made."""
    connection: Any = AIOKafkaConnection("broker", 9092, request_timeout_ms=int(TIMEOUT * 1000))
    connection._reader = asyncio.StreamReader()
    connection._writer = Silence()
    connection._read_task = asyncio.create_task(connection._reader.read())
    connection._versions = {MetadataRequest.API_KEY: (0, 1)}
    client = AIOKafkaClient(bootstrap_servers="broker:9092")
    client._conns[NODE, ConnectionGroup.DEFAULT] = connection
    return client


async def ask_twice(client: AIOKafkaClient) -> None:
    """As all do that send: again when it took too long, which finds no connection any more."""
    with pytest.raises(RequestTimedOutError):
        await client.send(NODE, MetadataRequest([]))
    with pytest.raises(NodeNotReadyError):
        await client.send(NODE, MetadataRequest([]))


def test_requests_that_time_out_together_are_each_told_as_timed_out() -> None:
    """The library raised KeyError for the second: its tasks died of it, and ours with the process."""

    async def main() -> None:
        patches.tell_every_timeout()
        client = to_a_silent_broker()
        await asyncio.gather(ask_twice(client), ask_twice(client))

    virtual_time.run(main(), until=2 * TIMEOUT)


def test_what_else_is_not_found_is_not_told_as_timed_out() -> None:
    class Amiss(MetadataRequest):
        def prepare(self, versions: dict[int, tuple[int, int]]) -> Any:
            raise KeyError(versions)

    async def main() -> None:
        patches.tell_every_timeout()
        client = to_a_silent_broker()
        with pytest.raises(KeyError):
            await client.send(NODE, Amiss([]))
        client._conns[NODE, ConnectionGroup.DEFAULT].close()

    virtual_time.run(main(), until=2 * TIMEOUT)
