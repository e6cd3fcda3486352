"""What the group's offset store says at the start of a session, and where to begin if it says nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import OffsetAndMetadata

from consumer.kafka.commits import Commits
from consumer.kafka.library.inside import coordinator_of
from consumer.kafka.topic_ids import TopicWatch
from consumer.model import Partition
from consumer.store import Commit, CommitResult, Committed, Session

CONFIRM_AFTER = 0.2
"""Seconds after which "this group has never committed anything" has to be confirmed."""


class OffsetStore:
    """Reads from the group's coordinator. An error is never taken for "nothing committed"."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        topics: Collection[str],
        initial_offset: Literal["earliest", "latest"],
        commits: Commits,
        watch: TopicWatch,
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._initial_offset = initial_offset
        self._commits = commits
        self._watch = watch

    async def read(
        self, session: Session, partitions: Collection[Partition]
    ) -> dict[Partition, Committed]:
        """What is committed for each partition. Retries what can be retried, without a limit: bound it from outside.

        A partition for which the group has committed nothing begins at the initial offset if the group has never
        committed anything at all; otherwise it was added later, and begins at the earliest. (If a group of several
        members begins with "latest", one may commit before another has asked: then the other one's partitions begin
        at the earliest. Nothing is lost by that.)

        Raises:
            KafkaError: access is denied, the answer is not understood, or the initial offsets could not be stored.
        """
        # The ids first: if a topic is created anew meanwhile, we know the old id, and the difference will be noticed.
        ids = await self._watch.begin({each.topic for each in partitions})
        stored = await self._stored(partitions)
        missing = [each for each in partitions if each not in stored]
        committed = {
            each: Committed(found.offset, found.metadata or "") for each, found in stored.items()
        }
        if missing:
            begin = await self._begin(session, missing)
            committed |= {each: Committed(begin[each], known=False) for each in missing}
        return {
            each: replace(found, topic_id=ids.get(each.topic)) for each, found in committed.items()
        }

    async def _begin(
        self, session: Session, partitions: Collection[Partition]
    ) -> Mapping[Partition, int]:
        tps = [TopicPartition(*each) for each in partitions]
        if self._initial_offset == "latest" and await self._never_committed():
            ends = _by_partition(await self._consumer.end_offsets(tps))
            await self._write_down(session, ends)
            return ends
        return _by_partition(await self._consumer.beginning_offsets(tps))

    async def _write_down(self, session: Session, offsets: Mapping[Partition, int]) -> None:
        """Commit the initial offsets at once: after a crash before the first commit, "latest" would skip what came since.

        Raises:
            KafkaConnectionError: they were not stored.
        """
        commits = {partition: Commit(offset, "") for partition, offset in offsets.items()}
        results = await self._commits.commit(session, commits)
        if set(results.values()) != {CommitResult.STORED}:
            raise KafkaConnectionError("the initial offsets were not stored")

    async def _never_committed(self) -> bool:
        """True: the group has never committed anything. Asked twice, as a mistake would skip records for good."""
        everything = [
            Partition(topic, partition)
            for topic in self._topics
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        if await self._stored(everything):
            return False
        await asyncio.sleep(CONFIRM_AFTER)
        return not await self._stored(everything)

    async def _stored(
        self, partitions: Collection[Partition]
    ) -> Mapping[Partition, OffsetAndMetadata]:
        found: Mapping[TopicPartition, OffsetAndMetadata] = await coordinator_of(
            self._consumer
        ).fetch_committed_offsets([TopicPartition(*each) for each in partitions])
        return {Partition(*tp): offset for tp, offset in found.items()}


def _by_partition(offsets: Mapping[TopicPartition, int]) -> Mapping[Partition, int]:
    return {Partition(*tp): offset for tp, offset in offsets.items()}
