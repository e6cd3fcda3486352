"""The broker's side of a scenario: topics, load, letters and the group's store, through brokers that come and go."""

# The client library is not typed: its calls are confined to this file.
# mypy: disallow-untyped-calls=false

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from consumer.state.offset_codec import decode
from deploy.local.chaos.evidence import Letter, Look, Partition
from deploy.local.chaos.variety import Draft
from deploy.local.demo.evidence import Place

PARTITIONS = 6
LETTER_PARTITIONS = 2
DELIVERED_WITHIN_MS = 180_000
"""A producer of the load waits so long for a broker that is away."""
ANSWERED_WITHIN_MS = 3_000
STAMPED_BY_BROKER = {"message.timestamp.type": "LogAppendTime"}
"""A letter's time is that of its writing."""
CLOSED_WITHIN = 10.0

Receipt = Callable[[Draft, int, int, int], None]


class Kafka:
    """One scenario's topics and group. Made by `connected`."""

    def __init__(self, servers: str, prefix: str, topics: Iterable[str], *, producer: Any) -> None:
        self.servers = servers
        self.names: Mapping[str, str] = {topic: f"{prefix}.{topic}" for topic in topics}
        """The contract's topic -> its name here."""
        self.group = f"{prefix}.group"
        self.ends: dict[Partition, int] = {}
        """By partition, of the contract's topic: where the next record would stand."""
        self._contracts = {here: topic for topic, here in self.names.items()}
        self._producer = producer
        self._admin: Any = None
        self._kept: list[Letter] = []
        """Letters of topics that were deleted."""

    def contract_of(self, topic: str) -> str:
        """The contract's topic that has this name here; itself where none has."""
        return self._contracts.get(topic, topic)

    @property
    def letter_topics(self) -> list[str]:
        return [f"{here}.dlq" for here in self.names.values()]

    async def make_topics(self) -> None:
        sources = [NewTopic(here, PARTITIONS, 1) for here in self.names.values()]
        admin = await self._administration()
        await admin.create_topics(sources)
        await self.make_letter_topics()

    async def make_letter_topics(self) -> None:
        admin = await self._administration()
        letters = [
            NewTopic(name, LETTER_PARTITIONS, 1, topic_configs=STAMPED_BY_BROKER)
            for name in self.letter_topics
        ]
        await admin.create_topics(letters)

    async def delete_letter_topics(self) -> None:
        """While they take no letters, else the last ones would be lost; those that they have are kept in mind."""
        self._kept = await self.letters()
        admin = await self._administration()
        await admin.delete_topics(self.letter_topics)

    async def limit_letters(self, largest: int) -> None:
        """From now on the letters' topics take no larger ones, in bytes."""
        admin = await self._administration()
        changed = {"max.message.bytes": str(largest), **STAMPED_BY_BROKER}
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, changed) for name in self.letter_topics]
        )

    async def publish(self, draft: Draft, receipt: Receipt) -> None:
        """Returns when it is on its way; `receipt` is called when the broker has it."""
        headers = list(draft.headers)
        here = self.names[draft.topic]
        sent = await self._producer.send(here, draft.value, draft.key, headers=headers)

        def acknowledged(done: asyncio.Future[Any]) -> None:
            stored = done.result()  # raises in the loop's handler where the broker never took it
            spot = (draft.topic, stored.partition)
            self.ends[spot] = max(self.ends.get(spot, 0), stored.offset + 1)
            receipt(draft, stored.partition, stored.offset, stored.timestamp)

        sent.add_done_callback(acknowledged)

    async def flush(self) -> None:
        """Return when the broker has all that was published."""
        await self._producer.flush()
        await asyncio.sleep(0)

    async def looks(self) -> list[Look]:
        """What the group's store says of each partition; nothing while no broker answers."""
        try:
            admin = await self._administration()
            # Not wait_for, which may swallow a cancellation before Python 3.12.
            async with asyncio.timeout(ANSWERED_WITHIN_MS / 1000):
                found = await admin.list_consumer_group_offsets(self.group)
        except (KafkaError, TimeoutError, OSError):
            await self.forget_broker()
            return []
        now = time.time()
        return [
            _look(
                now, (self._contracts[spot.topic], spot.partition), stored.offset, stored.metadata
            )
            for spot, stored in found.items()
            if stored.offset >= 0 and spot.topic in self._contracts
        ]

    async def letters(self) -> list[Letter]:
        """All letters that there are."""
        # Not by seeking: the library's own reset, which begins with the assignment, may come after that.
        reader: Any = AIOKafkaConsumer(
            bootstrap_servers=self.servers, group_id=None, auto_offset_reset="earliest"
        )
        async with reader:
            spots = [
                TopicPartition(name, number)
                for name in self.letter_topics
                for number in range(LETTER_PARTITIONS)
            ]
            reader.assign(spots)
            ends = await reader.end_offsets(spots)
            found = list(self._kept)
            for spot in spots:
                while await reader.position(spot) < ends[spot]:
                    batches = await reader.getmany(spot, timeout_ms=500)
                    found += [self._letter(each) for each in batches.get(spot, [])]
            return found

    def _letter(self, record: Any) -> Letter:
        told = {name: raw.decode() for name, raw in record.headers if name.startswith("dlq.")}
        place = None
        if {"dlq.topic", "dlq.partition", "dlq.offset"} <= told.keys():
            topic = self.contract_of(told["dlq.topic"])
            place = Place(topic, int(told["dlq.partition"]), int(told["dlq.offset"]))
        # Whole milliseconds, rounded as it may be.
        when = record.timestamp / 1000 - 0.001
        content = hash((record.key, record.value))
        return Letter(when, place, told.get("dlq.reason", "-"), content)

    async def _administration(self) -> Any:
        """An admin client that finds the broker, made anew after one that lost it."""
        if self._admin is None:
            admin = AIOKafkaAdminClient(
                bootstrap_servers=self.servers, request_timeout_ms=ANSWERED_WITHIN_MS
            )
            try:
                async with asyncio.timeout(ANSWERED_WITHIN_MS / 1000):
                    await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin

    async def forget_broker(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()


def _look(now: float, partition: Partition, offset: int, metadata: str) -> Look:
    known = decode(metadata)
    if known is None:
        return Look(now, partition, offset)
    return Look(now, partition, offset, known.done, known.claims)


@asynccontextmanager
async def connected(servers: str, prefix: str, topics: Iterable[str]) -> AsyncIterator[Kafka]:
    """With its topics made; the clients are closed at the end."""
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(
            bootstrap_servers=servers,
            enable_idempotence=True,
            linger_ms=5,
            request_timeout_ms=DELIVERED_WITHIN_MS,
        )
        await producer.start()
        stack.push_async_callback(lambda: asyncio.wait_for(producer.stop(), CLOSED_WITHIN))
        kafka = Kafka(servers, prefix, topics, producer=producer)
        stack.push_async_callback(kafka.forget_broker)
        await kafka.make_topics()
        yield kafka
