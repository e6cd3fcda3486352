"""What the client library cannot read: read past it, or find out why it cannot be read, and how far that reaches."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from consumer.kafka.batches import (
    CorruptBatch,
    Salvaged,
    TooManyRecords,
    beginning,
    extent,
    through_first_fault,
)
from consumer.kafka.client import PARTITION_FETCH_BYTES
from consumer.kafka.holds import Hold
from consumer.kafka.library import inside
from consumer.kafka.logs import fields
from consumer.model import Partition

log = logging.getLogger(__name__)


async def past_the_library(
    consumer: AIOKafkaConsumer, partition: Partition, begin: int, *, asked_for: int
) -> Salvaged | Hold | None:
    """The records from `begin` on, as the broker has them; or why they cannot be read; None: the broker gave nothing now.

    Raises:
        TooManyRecords: it is not known which of the records that the library was `asked_for` it could not read.
    """
    tp = TopicPartition(*partition)
    try:
        raw = await inside.fetch_raw(consumer, tp, begin, PARTITION_FETCH_BYTES)
        return through_first_fault(raw.records, raw.aborted, partition, begin)
    except CorruptBatch as corrupt:
        if isinstance(corrupt, TooManyRecords) and asked_for > 1:
            raise
        return await _corrupt(consumer, tp, begin, str(corrupt))
    except OffsetOutOfRangeError:
        return await out_of_range(consumer, partition, begin)
    except KafkaError as error:
        log.warning("batch not fetched", extra=_place(partition, begin, error))
    return None


async def out_of_range(consumer: AIOKafkaConsumer, partition: Partition, begin: int) -> Hold:
    """Why the offset is out of range. It is never reset: we have not settled what lies between, and somebody has to know."""
    tp = TopicPartition(*partition)
    said = f"offset {begin} is out of range"
    try:
        first = (await consumer.beginning_offsets([tp]))[tp]
        end = (await consumer.end_offsets([tp]))[tp]
    except KafkaError as error:
        return Hold(
            begin, f"{said}, and the log's range cannot be read now: {type(error).__name__}"
        )
    said = f"{said}, the log goes from {first} to {end}"
    if begin < first:
        why = f"{said}: {first - begin} records were deleted unread; to go on without them, skip offset {begin}"
        return Hold(begin, why, first, records=False)
    return Hold(
        begin,
        f"{said}: the log was truncated, or the topic was recreated; stop the group, and set its offset to where it"
        " should continue",
    )


async def _corrupt(consumer: AIOKafkaConsumer, tp: TopicPartition, begin: int, why: str) -> Hold:
    try:
        end = await _end_of_batch(consumer, tp, begin)
    except OffsetOutOfRangeError:
        end = None  # its header claims more than is in the log
    except KafkaError as error:
        log.warning("end of a batch not found", extra=_place(Partition(*tp), begin, error))
        end = None
    remedy = "restore it from a replica" + (
        ", or set the group's offset past it" if end is None else f", or skip offset {begin}"
    )
    return Hold(begin, f"{why}: {remedy}", end)


async def _end_of_batch(consumer: AIOKafkaConsumer, tp: TopicPartition, begin: int) -> int | None:
    """Where the batch ends, if proved by itself, by the next batch, or by the end of the log; None: it is not proved."""
    raw = await inside.fetch_raw(consumer, tp, begin, PARTITION_FETCH_BYTES)
    found = extent(raw.records)
    if found is not None and found.end is None:
        # It may have filled the fetch by itself: fetch again, with room for the next one.
        wanted = found.size + PARTITION_FETCH_BYTES
        raw = await inside.fetch_raw(consumer, tp, begin, wanted)
        found = extent(raw.records)
    if found is None:
        return None
    end = found.end
    if end is None and await _begins_or_ends(consumer, tp, found.claimed_end):
        end = found.claimed_end
    return end if end is not None and end > begin else None


async def _begins_or_ends(consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int) -> bool:
    """True: the log ends there, or a batch begins there. Asked apart, as no fetch crosses a log segment's end."""
    if offset == (await consumer.end_offsets([tp]))[tp]:
        return True
    raw = await inside.fetch_raw(consumer, tp, offset, 1)
    return beginning(raw.records, offset) == offset


def _place(partition: Partition, offset: int, error: KafkaError) -> Mapping[str, object]:
    return fields(
        topic=partition.topic, partition=partition.partition, offset=offset, cause=repr(error)
    )
