"""The broker's side of a test: one producer and one admin client that stay open; letters and the store read plainly."""

# The client library is not typed: its calls are confined to this file.
# mypy: disallow-untyped-calls=false

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import LeaveGroupRequest

from consumer.state.offset_codec import decode
from tests.broker import Cluster, unique
from tests.e2e.jobs import Job, Published
from tests.e2e.oracle import Letter, Stored

PARTITIONS = 4


class Kafka:
    """A topic, its letters' topic and a group of one test's own. Made by `connected`."""

    def __init__(
        self, cluster: Cluster, producer: AIOKafkaProducer, admin: AIOKafkaAdminClient
    ) -> None:
        self.servers = cluster.bootstrap_servers
        self.topic = unique("work")
        self.letters_topic = f"{self.topic}.dlq"
        self.group = unique("group")
        self.published: list[Published] = []
        self._cluster = cluster
        self._producer: Any = producer
        self._admin: Any = admin

    async def make_topics(self) -> None:
        await self._cluster.create_topic(
            self.topic, partitions=PARTITIONS, max_message_bytes="2000000"
        )
        await self.make_letters_topic()

    async def make_letters_topic(self) -> None:
        """The broker's own clock stamps the letters: a letter is written when it is appended."""
        await self._cluster.create_topic(
            self.letters_topic,
            partitions=2,
            message_timestamp_type="LogAppendTime",
            max_message_bytes="2000000",
        )

    async def delete_letters_topic(self) -> None:
        await self._admin.delete_topics([self.letters_topic])

    async def limit_letters(self, bytes_: int) -> None:
        """From now on the letters' topic takes no larger ones."""
        change = {"max.message.bytes": str(bytes_), "message.timestamp.type": "LogAppendTime"}
        await self._admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, self.letters_topic, change)]
        )

    async def be_content_with_one_replica(self) -> None:
        """The work's topic takes records as long as one broker has them, whatever the cluster demands."""
        change = {"min.insync.replicas": "1"}
        await self._admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, self.topic, change)]
        )

    async def publish(self, jobs: Iterable[Job], partition: int | None = None) -> list[Published]:
        """Returns when all are acknowledged. Without a partition the key says which."""
        sent = [
            (
                job,
                await self._producer.send(
                    self.topic, job.value, job.key, partition, headers=list(job.headers)
                ),
            )
            for job in jobs
        ]
        stored = [(job, await receipt) for job, receipt in sent]
        fresh = [Published(each.partition, each.offset, job) for job, each in stored]
        self.published += fresh
        return fresh

    async def publish_raw(self, job: Job, batch: bytes, partition: int) -> int:
        """A batch of one record, byte by byte as it is; its offset."""
        offset = await self._cluster.produce_raw(self.topic, batch, partition)
        self.published.append(Published(partition, offset, job))
        return offset

    @property
    def ends(self) -> Mapping[int, int]:
        """By partition: where the next record would stand."""
        ends = dict.fromkeys(range(PARTITIONS), 0)
        for each in self.published:
            ends[each.partition] = max(ends[each.partition], each.offset + 1)
        return ends

    async def stored(self) -> list[Stored]:
        """What the group's store says of each partition; none while no coordinator answers."""
        try:
            found = await self._admin.list_consumer_group_offsets(
                self.group,
                partitions=[TopicPartition(self.topic, number) for number in range(PARTITIONS)],
            )
        except KafkaError as error:
            if not error.retriable:
                raise
            return []
        now = time.time()
        looks = []
        for (_, partition), (offset, metadata) in found.items():
            if offset < 0:
                continue
            known = decode(metadata)
            done, claims = (known.done, known.claims) if known else (0, 0)
            looks.append(Stored(now, partition, offset, done, claims))
        return looks

    async def letters(self) -> list[Letter]:
        """All letters that there are."""
        found = []
        for record in await self._cluster.read_all(self.letters_topic):
            told = {n: v.decode() for n, v in record.headers if v and n.startswith("dlq.")}
            place = (int(told["dlq.partition"]), int(told["dlq.offset"]))
            assert told["dlq.topic"] == self.topic
            found.append(
                Letter(
                    record.timestamp / 1000 - 0.001,  # whole milliseconds, rounded as it may be
                    place,
                    told["dlq.reason"],
                    record.key,
                    # Of a null value the letter has a null value, where it has a key.
                    record.value,
                    tuple(record.headers),
                )
            )
        return found

    async def members(self) -> set[str]:
        """The ids of the group's members."""
        (answer,) = await self._admin.describe_consumer_groups([self.group])
        (group,) = answer.groups
        return {member[0] for member in group[5]}

    async def remove(self, member: str) -> None:
        """As an administrator does: the member is not asked."""
        node = await self._admin.find_coordinator(self.group)
        answer = await self._admin._send_request(LeaveGroupRequest(self.group, member), node)
        assert answer.error_code == 0

    async def make_topic(self, name: str) -> None:
        await self._admin.create_topics([NewTopic(name, 1, 1)])


@asynccontextmanager
async def connected(cluster: Cluster) -> AsyncIterator[Kafka]:
    """With its topics made; closed at the end."""
    async with AsyncExitStack() as stack:
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers)
        producer = AIOKafkaProducer(
            bootstrap_servers=cluster.bootstrap_servers,
            enable_idempotence=True,
            linger_ms=5,
            max_request_size=4 * 2**20,
        )
        await admin.start()
        stack.push_async_callback(admin.close)
        await producer.start()
        # One that the broker left behind waits for what it cannot send.
        stack.push_async_callback(lambda: asyncio.wait_for(producer.stop(), 10))
        kafka = Kafka(cluster, producer, admin)
        await kafka.make_topics()
        yield kafka
