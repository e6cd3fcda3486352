"""The broker's side, with a plain client: topics made, events published, letters and committed offsets read."""

# The client library is not typed: its calls are confined to this file.
# mypy: disallow-untyped-calls=false

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaConnectionError,
)
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from deploy.local.demo.events import PARTITIONS, Draft, OddKey
from deploy.local.demo.evidence import Letter, Place, Published
from deploy.local.demo.failed import DemoFailed

LETTER_PARTITIONS = 2
LETTERS = "{}.dlq"
BATCH_BYTES = 16_384
NO_PRODUCER = -1


@dataclass(frozen=True, slots=True)
class Names:
    """Topics by what the contracts call them; on a broker that others use too they get a prefix."""

    prefix: str = ""

    def here(self, topic: str) -> str:
        return self.prefix + topic

    def contracts(self, name: str) -> str:
        return name.removeprefix(self.prefix)

    @property
    def all(self) -> list[str]:
        return [name for topic in PARTITIONS for name in self.pair(topic)]

    def pair(self, topic: str) -> tuple[str, str]:
        """A topic and its letters' topic."""
        return self.here(topic), LETTERS.format(self.here(topic))


class Kafka:
    """One broker. Made by `connected`."""

    def __init__(
        self,
        names: Names,
        admin: AIOKafkaAdminClient,
        reader: AIOKafkaConsumer,
        producer: AIOKafkaProducer,
        plain_producer: AIOKafkaProducer,
    ) -> None:
        self.names = names
        # The client library is not typed.
        self._admin: Any = admin
        self._reader: Any = reader
        self._producer: Any = producer
        self._plain_producer: Any = plain_producer

    async def publish(self, draft: Draft) -> asyncio.Future[Published]:
        """Returns when it is on its way; the future is done when the broker has acknowledged it."""
        topic = self.names.here(draft.topic)
        if any(isinstance(name, OddKey) for name, _ in draft.headers):
            sent = await self._send_odd(topic, draft)
        else:
            sent = await self._producer.send(
                topic, draft.value, draft.key.encode(), headers=list(draft.headers)
            )
        return asyncio.ensure_future(_receipt(sent, draft))

    async def _send_odd(self, topic: str, draft: Draft) -> asyncio.Future[Any]:
        """The client encodes header keys itself, always as UTF-8: its Python builder lets a key say how."""
        batch = self._plain_producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(  # noqa: SLF001 - there is no public way to break a record
            2, 0, 0, NO_PRODUCER, NO_PRODUCER, 0, BATCH_BYTES
        )
        headers = [(_spelt(name), value) for name, value in draft.headers]
        batch.append(timestamp=None, key=draft.key.encode(), value=draft.value, headers=headers)
        partition = zlib.crc32(draft.key.encode()) % PARTITIONS[draft.topic]
        sent: asyncio.Future[Any] = await self._plain_producer.send_batch(
            batch, topic, partition=partition
        )
        return sent

    async def ends(self, topics: Sequence[str]) -> Mapping[TopicPartition, int]:
        """The end offsets of all partitions of these topics (names of here)."""
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(self._partitions(topic))
        ]
        ends: Mapping[TopicPartition, int] = await self._reader.end_offsets(partitions)
        return ends

    def _partitions(self, topic: str) -> int:
        return PARTITIONS.get(self.names.contracts(topic), LETTER_PARTITIONS)

    async def committed(self, group: str) -> Mapping[TopicPartition, int]:
        """Empty while the broker has no coordinator for the group yet."""
        try:
            found = await self._admin.list_consumer_group_offsets(group)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError):
            return {}
        return {partition: stored.offset for partition, stored in found.items()}

    async def letters(self) -> list[Letter]:
        """All letters there are now."""
        ends = await self.ends([self.names.pair(topic)[1] for topic in PARTITIONS])
        self._reader.assign(list(ends))
        await self._reader.seek_to_beginning()
        found: list[Letter] = []
        left = {partition for partition, end in ends.items() if end}
        while left:
            batches = await self._reader.getmany(*left, timeout_ms=1000)
            found += [self._letter(record) for records in batches.values() for record in records]
            for partition in list(left):
                if await self._reader.position(partition) >= ends[partition]:
                    left.discard(partition)
        return found

    def _letter(self, record: Any) -> Letter:
        headers = {name: raw.decode() for name, raw in record.headers if name.startswith("dlq.")}
        place = None
        if {"dlq.topic", "dlq.partition", "dlq.offset"} <= headers.keys():
            place = Place(
                self.names.contracts(headers["dlq.topic"]),
                int(headers["dlq.partition"]),
                int(headers["dlq.offset"]),
            )
        return Letter(
            place,
            headers.get("dlq.reason", "-"),
            record.key,
            record.value,
            headers.get("dlq.detail", ""),
        )


class _Spelt(str):  # noqa: SLOT000 - it carries what it stands for
    """A text whose UTF-8 is what it was told to be."""

    raw: bytes

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        del encoding, errors
        return self.raw


def _spelt(name: str | OddKey) -> str:
    if isinstance(name, str):
        return name
    odd = _Spelt("odd")
    odd.raw = name.raw
    return odd


async def _receipt(sent: asyncio.Future[Any], draft: Draft) -> Published:
    stored = await sent
    place = Place(draft.topic, stored.partition, stored.offset)
    return Published(place, draft)


@asynccontextmanager
async def connected(bootstrap_servers: str, names: Names) -> AsyncIterator[Kafka]:
    """Clients of the broker at this address, closed at the end.

    Raises:
        DemoFailed: no broker answers there.
    """
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(_administering(bootstrap_servers))
        reader = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers, group_id=None, enable_auto_commit=False
        )
        stack.push_async_callback(reader.stop)
        await reader.start()
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers, enable_idempotence=True, linger_ms=5
        )
        stack.push_async_callback(producer.stop)
        await producer.start()
        plain_producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all")
        stack.push_async_callback(plain_producer.stop)
        await plain_producer.start()
        yield Kafka(names, admin, reader, producer, plain_producer)


@asynccontextmanager
async def topics(bootstrap_servers: str, names: Names) -> AsyncIterator[None]:
    """The contracts' topics and those of their letters; on another's broker they are gone at the end.

    Enter it before any client, and leave it after all: one that still asks for a topic may make it anew.

    Raises:
        DemoFailed: no broker answers there, or it makes no topics.
    """
    async with _administering(bootstrap_servers) as admin:
        await _make_topics(admin, names)
        try:
            yield
        finally:
            if names.prefix:
                await admin.delete_topics(names.all)


@asynccontextmanager
async def _administering(bootstrap_servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    try:
        await admin.start()
    except KafkaConnectionError as error:
        await admin.close()
        raise DemoFailed(f"no Kafka broker answers at {bootstrap_servers}") from error
    try:
        yield admin
    finally:
        await admin.close()


async def _make_topics(admin: Any, names: Names) -> None:
    made = []
    for topic, partitions in PARTITIONS.items():
        source, letters = names.pair(topic)
        made += [NewTopic(source, partitions, 1), NewTopic(letters, LETTER_PARTITIONS, 1)]
    answer = await admin.create_topics(made)
    refused = [each for each in answer.topic_errors if each[1]]
    if refused:
        raise DemoFailed(f"the broker makes no topics: {refused}")
