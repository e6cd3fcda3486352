"""Takes records out of the client library: each partition's in order and none lost, whatever the library raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
)

from consumer.errors import ConsumerError
from consumer.kafka.batches import TooManyRecords
from consumer.kafka.holds import Hold, Holds
from consumer.kafka.library import inside
from consumer.kafka.logs import fields
from consumer.kafka.salvage import out_of_range, past_the_library
from consumer.kafka.topic_ids import TopicWatch
from consumer.model import Partition, Record, Unreadable
from consumer.ports import Clock

log = logging.getLogger(__name__)

NOTHING = TopicPartition("", -1)
"""A partition that cannot exist. Asking the library for no partition at all would mean all of them."""
TROUBLE_WAIT = 1.0
NO_READ = "no READ on the topic: grant it to this service's user"


class MembershipEnded(ConsumerError):
    """The library's own group task has died: only a restart of the process helps."""


@dataclass(slots=True)
class _Gathered:
    """What one poll has taken but not handed out yet."""

    epoch: int
    records: list[Record | Unreadable] = field(default_factory=list)
    positions: dict[Partition, int] = field(default_factory=dict)


class Reader:
    """Keeps its own position of each partition, the only one that counts.

    Each partition is asked for alone. So when the library raises, nothing that it took from others is lost with it,
    and it is known which partition is at fault. After an exception the library's position is put back to ours.
    """

    def __init__(self, consumer: AIOKafkaConsumer, clock: Clock, topics: TopicWatch) -> None:
        self._consumer = consumer
        self._topics = topics
        self._epoch = 0
        """Counts assignments: what was taken while one changed is discarded and taken again."""
        self._positions: dict[Partition, int] = {}
        self._raw_until: dict[Partition, int] = {}
        """Up to this offset a partition is read past the library, which cannot decode a record there."""
        self._limits: dict[Partition, tuple[int, int]] = {}
        """(how many records to ask for at once, up to which offset): halved until the faulty record is the next one."""
        self._holds = Holds(clock)
        self._turn = 0
        self._ill_topics = False
        self._reading: asyncio.Task[_Gathered] | None = None
        self._closed = False

    @property
    def stuck(self) -> Mapping[Partition, str]:
        return self._holds.reasons

    def skip(self, partition: Partition, offset: int) -> str:
        """As `Source.skip`.

        Raises:
            SkipRefused: it is not what stands there, or where it ends is not known.
        """
        return self._holds.skip(partition, offset)

    def position(self, partition: Partition) -> int:
        """Everything below was handed out, or is not a record; -1 for a partition that is not assigned."""
        return self._positions.get(partition, -1)

    def take(self, positions: Mapping[Partition, int]) -> None:
        """Read these from now on, and no others."""
        self.forget()
        self._positions = dict(positions)
        self._rewind()

    def forget(self) -> None:
        """Hand out nothing more of the present assignment."""
        self._epoch += 1
        self._positions = {}
        self._raw_until.clear()
        self._limits.clear()
        self._holds.clear()

    def close(self) -> None:
        """Also cancel a read in progress: one that hangs in a rebalance would outlive even the library's `stop()`."""
        self._closed = True
        self._topics.close()
        if self._reading is not None:
            self._reading.cancel()

    async def read(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        """As `Source.poll`.

        Raises:
            MembershipEnded: the library's group task has died, so nothing more will come.
        """
        if self._closed:
            return ()
        if self._reading is None:
            # In a task of its own: if this caller is cancelled, what was taken stays here for the next one.
            self._reading = asyncio.create_task(
                self._gather(wanted, max_records, wait), name="kafka-read"
            )
        task = self._reading
        await asyncio.wait({task})
        self._reading = None
        if task.cancelled():
            return ()
        gathered = task.result()
        if gathered.epoch != self._epoch:
            self._rewind()
            return ()
        self._positions.update(gathered.positions)
        return gathered.records

    async def _gather(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> _Gathered:
        found = _Gathered(self._epoch)
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while True:
            arrival = inside.arrival(
                self._consumer
            )  # before looking, so that nothing that comes meanwhile is missed
            try:
                if not await self._group_is_well():
                    until = min(until, loop.time() + TROUBLE_WAIT)
                self._look_at_topics()
                await self._drain(self._in_turn(wanted), max_records, found)
                left = until - loop.time()
                if found.records or found.epoch != self._epoch or left <= 0:
                    return found
                await asyncio.wait({arrival}, timeout=left)
                if arrival.done() and arrival.exception() is not None:
                    return found  # trouble with the group: the next look raises it again
            finally:
                arrival.cancel()

    async def _group_is_well(self) -> bool:
        """Poll for nothing: it shows the library that its user is alive, and makes it report trouble with the group."""
        try:
            await self._consumer.getmany(NOTHING)
        except KafkaError as error:
            if inside.group_task_ended(self._consumer):
                raise MembershipEnded(f"Kafka group membership ended: {error}") from error
            inside.join_without_heartbeats(self._consumer)
            log.warning("the Kafka group has trouble", extra=fields(cause=repr(error)))
            return False
        return True

    def _look_at_topics(self) -> None:
        self._topics.look()
        faults = self._topics.faults
        if not (faults or self._ill_topics):
            return
        for partition, position in self._positions.items():
            if partition.topic in faults:
                why = faults[partition.topic]
                self._holds.hold(partition, Hold(position, why, lasting=True))
            else:
                self._holds.release(partition, lasting=True)
        self._ill_topics = bool(faults)

    def _in_turn(self, wanted: Collection[Partition]) -> list[Partition]:
        """The readable ones, starting with another one each time, since the first may use up all the room."""
        if self._topics.doubted:
            return []
        ready = [
            partition
            for partition in wanted
            if partition in self._positions and not self._holds.rests(partition)
        ]
        if not ready:
            return ready
        self._turn = (self._turn + 1) % len(ready)
        return ready[self._turn :] + ready[: self._turn]

    async def _drain(
        self, partitions: Sequence[Partition], max_records: int, found: _Gathered
    ) -> None:
        for partition in partitions:
            room = max_records - len(found.records)
            if room <= 0 or found.epoch != self._epoch:
                return
            await self._drain_one(partition, room, found)

    async def _drain_one(self, partition: Partition, room: int, found: _Gathered) -> None:
        begin = found.positions.get(partition, self._positions[partition])
        if skipped := self._holds.passed_over(partition, begin, room):
            found.records.extend(skipped)
            found.positions[partition] = self._holds.position_after(partition, skipped[-1].offset)
            self._seek(partition, found.positions[partition])
            return
        room = self._limited(partition, begin, room)
        if begin < self._raw_until.get(partition, 0):
            await self._salvage(partition, begin, room, found)
            return
        tp = TopicPartition(*partition)
        try:
            taken: Mapping[TopicPartition, Sequence[Any]] = await self._consumer.getmany(
                tp, max_records=room
            )
        except Exception as error:  # noqa: BLE001 - what a decompressor raises is nobody's to list
            if found.epoch == self._epoch:
                await self._recover(partition, begin, error, room, found)
            return
        position = inside.position(self._consumer, tp)
        if found.epoch != self._epoch or position is None or position <= begin:
            return
        if self._topics.doubted:
            self._seek(partition, begin)
            return
        self._holds.release(partition)
        found.records.extend(taken.get(tp, ()))
        found.positions[partition] = position

    async def _recover(
        self, partition: Partition, begin: int, error: Exception, room: int, found: _Gathered
    ) -> None:
        """Seek back to our position, as the library may have skipped what it raised on; then deal with the error."""
        self._seek(partition, begin)
        match error:
            case NoOffsetForPartitionError():
                return  # raised before our first seek took effect
            case OffsetOutOfRangeError():
                self._topics.doubt()
                hold = await out_of_range(self._consumer, partition, begin)
                if found.epoch == self._epoch:
                    self._holds.hold(partition, hold)
            case TopicAuthorizationFailedError():
                self._holds.hold(partition, Hold(begin, NO_READ))
            case RecordTooLargeError():
                self._holds.hold(
                    partition, Hold(begin, "the broker gives only a part of the batch")
                )
            case _:
                await self._salvage(partition, begin, room, found)

    async def _salvage(self, partition: Partition, begin: int, room: int, found: _Gathered) -> None:
        """Read past the library: the good records up to the fault, and what can be recovered of the bad ones."""
        try:
            salvaged = await past_the_library(self._consumer, partition, begin, asked_for=room)
        except TooManyRecords:
            # There may be a good batch before the fault: let the library read it, in ever smaller portions.
            self._limits[partition] = room // 2, begin + room
            return
        if salvaged is None or found.epoch != self._epoch or self._topics.doubted:
            return
        if isinstance(salvaged, Hold):
            self._holds.hold(partition, salvaged)
            return
        records = salvaged.records[:room]
        whole = len(records) == len(salvaged.records)
        position = salvaged.next_offset if whole else records[-1].offset + 1
        self._raw_until[partition] = salvaged.next_offset
        self._holds.release(partition)
        self._seek(partition, position)
        found.records.extend(records)
        found.positions[partition] = position

    def _limited(self, partition: Partition, begin: int, room: int) -> int:
        most, until = self._limits.get(partition, (room, begin))
        if begin >= until:
            self._limits.pop(partition, None)
            return room
        return min(most, room)

    def _rewind(self) -> None:
        for partition, offset in self._positions.items():
            self._seek(partition, offset)

    def _seek(self, partition: Partition, offset: int) -> None:
        tp = TopicPartition(*partition)
        if tp in self._consumer.assignment():
            self._consumer.seek(tp, offset)
