"""Topics filled for the benchmark, as a producer with the usual batches of 16 KiB would have filled them."""

# mypy: allow-untyped-calls
# The client library ships no types of its own.

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.bench.records import Load, record

LETTERS = "bench.letters"
"""Nothing ever goes there; the service wants it to be there."""
_GIVE_WAY_EVERY = 64


class Topics:
    """Makes each topic once, whoever asks."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self._filled: set[str] = set()

    def empty(self, name: str, partitions: int) -> None:
        """Make a topic without records."""
        if name not in self._filled:
            asyncio.run(_create(self.servers, name, partitions))
            self._filled.add(name)

    def filled(self, load: Load) -> str:
        """The name of a topic with these records."""
        if load.topic not in self._filled:
            self.empty(load.topic, load.partitions)
            asyncio.run(_fill(self.servers, load))
        return load.topic


async def _create(servers: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()


async def _fill(servers: str, load: Load) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        batches = [producer.create_batch() for _ in range(load.partitions)]
        sent: list[asyncio.Future[object]] = []
        now = int(time.time() * 1000)
        for sequence in range(load.events):
            key, value, headers = record(sequence, load.keys, load.route)
            # By key, as records of one order have to be in one partition.
            partition = sequence % load.keys % load.partitions
            batch = batches[partition]
            while batch.append(key=key, value=value, timestamp=now, headers=headers) is None:
                sent.append(await producer.send_batch(batch, load.topic, partition=partition))
                batch = batches[partition] = producer.create_batch()
            if sequence % _GIVE_WAY_EVERY == 0:
                await asyncio.sleep(0)
        for partition, batch in enumerate(batches):
            if batch.record_count():
                sent.append(await producer.send_batch(batch, load.topic, partition=partition))
        await asyncio.gather(*sent)
