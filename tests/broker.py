"""A real Apache Kafka for tests: the embedded one, or the one that `KAFKA_BOOTSTRAP_SERVERS` names."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.structs import ConsumerRecord

NEEDS_BROKER = [pytest.mark.kafka, pytest.mark.timeout(180)]
"""For `pytestmark`."""


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def external_servers() -> str | None:
    """The broker that is to be used instead of an embedded one, where there is one."""
    return os.environ.get("KAFKA_BOOTSTRAP_SERVERS")


class Cluster:
    """What a test does beside the service: topics, records, a look at what is stored."""

    def __init__(self, bootstrap_servers: str, replicas: int = 1) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._replicas = replicas

    async def create_topic(self, name: str = "", *, partitions: int = 1, **configs: str) -> str:
        """Its name; underscores in the names of `configs` stand for dots."""
        name = name or unique("topic")
        dotted = {key.replace("_", "."): value for key, value in configs.items()}
        async with self._admin() as admin:
            await admin.create_topics(
                [NewTopic(name, partitions, self._replicas, topic_configs=dotted)]
            )
            async with asyncio.timeout(30):
                while not await _has_leaders(admin, name):
                    await asyncio.sleep(0.05)
        return name

    async def in_sync(self, topic: str) -> int:
        """How many replicas its partitions have in sync, that which has the fewest."""
        async with self._admin() as admin:
            (found,) = await admin.describe_topics([topic])
            return min(len(each["isr"]) for each in found["partitions"])

    async def leader(self, topic: str, partition: int = 0) -> int:
        """The node that leads the partition."""
        async with self._admin() as admin:
            (found,) = await admin.describe_topics([topic])
            leaders: dict[int, int] = {p["partition"]: p["leader"] for p in found["partitions"]}
            return leaders[partition]

    async def add_partitions(self, topic: str, total: int) -> None:
        async with self._admin() as admin:
            await admin.create_partitions({topic: NewPartitions(total)})

    async def topics(self) -> set[str]:
        async with self._admin() as admin:
            return set(await admin.list_topics())

    async def delete_topic(self, name: str) -> None:
        async with self._admin() as admin:
            await admin.delete_topics([name])
            async with asyncio.timeout(30):
                while name in await admin.list_topics():
                    await asyncio.sleep(0.05)

    async def delete_records_before(self, topic: str, offset: int, partition: int = 0) -> None:
        async with self._admin() as admin:
            await admin.delete_records(
                {TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)}
            )

    async def produce(
        self,
        topic: str,
        *values: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        compression: str | None = None,
    ) -> list[int]:
        """The offsets of the values, in order."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers,
            compression_type=compression,
            acks="all",
            max_request_size=8 * 2**20,
            linger_ms=5,
        )
        async with producer:
            sent = [
                await producer.send(topic, value, key, partition, headers=list(headers))
                for value in values
            ]
            return [(await each).offset for each in sent]

    async def produce_raw(self, topic: str, batch: bytes, partition: int = 0) -> int:
        """A batch byte by byte as it is, for what no client library would write; its first offset."""
        client = AIOKafkaClient(bootstrap_servers=self.bootstrap_servers)
        await client.bootstrap()
        try:
            await client._wait_on_metadata(topic)
            leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
            assert leader is not None
            request = ProduceRequest(None, -1, 10_000, [(topic, [(partition, batch)])])
            answer = await client.send(leader, request)
            _, code, offset, *_ = answer.topics[0][1][0]
            assert code == 0, f"the broker refused the batch: {answer}"
            return int(offset)
        finally:
            await client.close()

    async def committed(self, group: str, topic: str, partition: int = 0) -> tuple[int, str]:
        """Offset and metadata; (-1, "") where nothing is stored."""
        async with self._admin() as admin:
            tp = TopicPartition(topic, partition)
            found = (await admin.list_consumer_group_offsets(group, partitions=[tp])).get(tp)
            return (found.offset, found.metadata) if found else (-1, "")

    async def members(self, group: str) -> int:
        """How many the group has; none while it rebalances, or where no group was ever asked for yet."""
        async with self._admin() as admin:
            try:
                answers: Any = await admin.describe_consumer_groups([group])
            except GroupCoordinatorNotAvailableError:
                return 0
            (answer,) = answers
            (_, _, state, _, _, found, *_) = answer.groups[0]
            return len(found) if state == "Stable" else 0

    async def commit_alone(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commit for a group that has no members."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers, group_id=group, enable_auto_commit=False
        )
        consumer.assign([TopicPartition(*each) for each in offsets])
        async with consumer:
            await consumer.commit({TopicPartition(*tp): at for tp, at in offsets.items()})

    async def read_all(self, topic: str) -> list[ConsumerRecord[bytes, bytes]]:
        """Every record that can be read now, partition by partition."""
        # Not by seeking: the library's own reset, which begins with the assignment, may come after that.
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        async with consumer:
            await consumer._client._wait_on_metadata(topic)
            tps = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(tps)
            ends = await consumer.end_offsets(tps)
            records: list[ConsumerRecord[bytes, bytes]] = []
            for tp in tps:
                while await consumer.position(tp) < ends[tp]:
                    taken = await consumer.getmany(tp, timeout_ms=200)
                    records += taken.get(tp, [])
            return records

    @contextlib.asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


async def _has_leaders(admin: AIOKafkaAdminClient, topic: str) -> bool:
    """A topic is made before the broker knows of it; a loaded machine takes its time."""
    (found,) = await admin.describe_topics([topic])
    return bool(found["partitions"]) and all(each["leader"] >= 0 for each in found["partitions"])
