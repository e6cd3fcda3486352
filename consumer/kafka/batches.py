"""Record batches as they are on the wire, for when the client library gives up on one of their records.

The format is Kafka's record batch v2 (magic 2): https://kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

from aiokafka.record.util import calc_crc32c, decode_varint

from consumer.kafka.inflate import DECODERS, Bomb
from consumer.model import Partition, PlainRecord, Unreadable

HEADER = struct.Struct(">qiibIhiqqqhii")
LENGTH_END = 12
"""Bytes of base offset and length, which the length field does not count."""
CRC_END = 21
"""Bytes before the part that the checksum covers."""
MAGIC = 2
CODEC_MASK, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 0x07, 0x08, 0x10, 0x20
MOST_RECORDS = 100_000
"""Most records read at one go past the library. That is slow: a batch of millions would stop everything else."""
CONTROL_KEY = struct.Struct(">hh")
ABORT = 0


class CorruptBatch(Exception):  # always caught: it becomes a held partition
    """The batch cannot be read as a whole; the message names offsets, never bytes."""


class TooManyRecords(CorruptBatch):
    """The batch was not read, as that would take too long: the fault may be in it or after it."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """The records read from an offset on, and the offset at which to go on."""

    records: Sequence[PlainRecord | Unreadable]
    next_offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, still compressed."""

    base_offset: int
    last_offset: int
    attributes: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    count: int
    intact: bool
    """True: its checksum is right."""
    payload: bytes

    def __str__(self) -> str:
        return f"the batch of offsets {self.base_offset} to {self.last_offset}"


def through_first_fault(
    data: bytes, aborted: Sequence[tuple[int, int]], partition: Partition, offset: int
) -> Salvaged:
    """The records from `offset` on, through the first batch with an `Unreadable`, or to the end of the data.

    The caller was stopped by a fault somewhere ahead; the good batches before it are returned too, since each would
    cost another fetch. Control batches and those of aborted transactions are skipped.

    Raises:
        CorruptBatch: the first batch is corrupt; a later one is met once it is the first.
    """
    found: list[PlainRecord | Unreadable] = []
    next_offset = offset
    try:
        for batch, wanted in _batches(data, aborted, offset):
            records = read(batch, partition) if wanted else []
            found += [each for each in records if each.offset >= offset]
            next_offset = batch.last_offset + 1
            if any(isinstance(each, Unreadable) for each in records) or len(found) > MOST_RECORDS:
                break
    except CorruptBatch:
        if next_offset == offset:
            raise
    return Salvaged(found, next_offset)


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of a batch that cannot be read. If its checksum is wrong, its header may be wrong too."""

    first: int
    claimed_end: int
    """The offset after it, according to its header."""
    intact: bool
    """True: its checksum is right, and so is its header."""
    next_batch: int | None
    """Where the next batch begins; None: there is none in the data, or it cannot be trusted either."""
    size: int
    """In bytes."""

    @property
    def end(self) -> int | None:
        """The offset after it; None: that is not proved."""
        if self.intact or self.next_batch is None:
            return self.claimed_end if self.intact else None
        honest = self.first < self.claimed_end <= self.next_batch
        return self.claimed_end if honest else self.next_batch


def extent(data: bytes) -> Extent | None:
    """The extent of the first batch in the data; None: not even that can be determined."""
    if len(data) < HEADER.size:
        return None
    first, length, _, magic, crc, _, last_delta, *_ = HEADER.unpack_from(data)
    claimed, size = first + 1 + (last_delta if magic == MAGIC else 0), LENGTH_END + length
    if length < 0:
        return None
    intact = magic == MAGIC and size <= len(data) and calc_crc32c(data[CRC_END:size]) == crc
    return Extent(first, claimed, intact, beginning(data[size:], claimed), size)


def beginning(data: bytes, expected: int) -> int | None:
    """Where the first batch begins, if its checksum proves that or it is the `expected` offset; None: it is not proved."""
    try:
        batch = next(split(data), None)
    except CorruptBatch:
        return None
    if batch is None or not (batch.intact or batch.base_offset == expected):
        return None
    return batch.base_offset


def _batches(
    data: bytes, aborted: Sequence[tuple[int, int]], offset: int
) -> Iterator[tuple[Batch, bool]]:
    """Each batch from `offset` on, and whether its records are for a reader.

    Raises:
        CorruptBatch: its checksum is wrong.
    """
    pending = sorted(aborted, key=lambda transaction: transaction[1])
    aborting: set[int] = set()
    for batch in split(data):
        # First of all: a wrong header may claim that the batch lies before the offset.
        if not batch.intact:
            raise CorruptBatch(f"{batch} has a wrong checksum")
        if batch.last_offset < offset:
            continue
        while pending and pending[0][1] <= batch.base_offset:
            aborting.add(pending.pop(0)[0])
        if batch.attributes & CONTROL:
            if _is_abort(batch):
                aborting.discard(batch.producer_id)
            yield batch, False
        else:
            yield batch, not (batch.attributes & TRANSACTIONAL and batch.producer_id in aborting)


def split(data: bytes) -> Iterator[Batch]:
    """The batches, without the last one if the broker has cut it short.

    Raises:
        CorruptBatch: a batch has another format.
    """
    at = 0
    while len(data) - at >= HEADER.size:
        fields = HEADER.unpack_from(data, at)
        base_offset, length, _, magic, crc, attributes, last_delta = fields[:7]
        first_timestamp, max_timestamp, producer_id, _, _, count = fields[7:]
        end = at + LENGTH_END + length
        if end > len(data):
            return
        if magic != MAGIC or length < HEADER.size - LENGTH_END:
            raise CorruptBatch(f"the batch at offset {base_offset} has the unknown format {magic}")
        yield Batch(
            base_offset=base_offset,
            last_offset=base_offset + last_delta,
            attributes=attributes,
            first_timestamp=first_timestamp,
            max_timestamp=max_timestamp,
            producer_id=producer_id,
            count=count,
            intact=calc_crc32c(data[at + CRC_END : end]) == crc,
            payload=data[at + HEADER.size : end],
        )
        at = end


def read(batch: Batch, partition: Partition) -> list[PlainRecord | Unreadable]:
    """All records of a batch; one with a header key that is not UTF-8 is `Unreadable`.

    Raises:
        TooManyRecords: it has too many; none was read.
        CorruptBatch: its compression or structure is wrong.
    """
    if batch.count > MOST_RECORDS:
        raise TooManyRecords(f"{batch} has {batch.count} records, one of which cannot be read")
    payload = _Payload(_decompressed(batch))
    try:
        records = [_record(payload, batch, partition) for _ in range(batch.count)]
        payload.must_be_at(payload.size)
    except (IndexError, ValueError) as error:
        raise CorruptBatch(f"{batch} has a wrong structure") from error
    return records


def _decompressed(batch: Batch) -> bytes:
    codec = batch.attributes & CODEC_MASK
    if codec == 0:
        return batch.payload
    if codec not in DECODERS:
        raise CorruptBatch(f"{batch} has the unknown compression {codec}")
    _, decode = DECODERS[codec]
    try:
        return decode(batch.payload)
    except Bomb as bomb:
        raise CorruptBatch(f"{batch} {bomb}") from None
    except Exception as error:  # the four decompressors raise anything
        raise CorruptBatch(f"{batch} cannot be decompressed") from error


def _is_abort(batch: Batch) -> bool:
    # Compaction finally removes the record, but keeps the empty batch for as long as its producer lives.
    keys = [marker.key for marker in read(batch, Partition("", 0)) if marker.key is not None]
    try:
        return any(CONTROL_KEY.unpack_from(key)[1] == ABORT for key in keys)
    except struct.error as error:
        raise CorruptBatch(f"{batch} has a wrong structure") from error


class _Payload:
    """A cursor over the bytes of a batch; reading past their end raises IndexError or ValueError."""

    def __init__(self, data: bytes) -> None:
        self._data = bytearray(data)
        self._at = 0
        self.size = len(data)

    def end_of(self, size: int) -> int:
        """Where something of this size, starting here, ends."""
        return self._at + size

    def must_be_at(self, place: int) -> None:
        """Raises ValueError if a length does not fit what was read: then nothing of it can be trusted."""
        if self._at != place:
            raise ValueError(place)

    def number(self) -> int:
        number, self._at = decode_varint(self._data, self._at)
        return number

    def bytes_or_null(self) -> bytes | None:
        size = self.number()
        if size < 0:
            return None
        if self._at + size > self.size:
            raise IndexError(size)
        self._at += size
        return bytes(self._data[self._at - size : self._at])


def _record(payload: _Payload, batch: Batch, partition: Partition) -> PlainRecord | Unreadable:
    end = payload.end_of(payload.number())
    payload.number()  # the record's attributes: one byte, unused by the format
    timestamp = batch.first_timestamp + payload.number()
    offset = batch.base_offset + payload.number()
    key, value = payload.bytes_or_null(), payload.bytes_or_null()
    headers, faults = _headers(payload)
    payload.must_be_at(end)
    by_broker = bool(batch.attributes & LOG_APPEND_TIME)
    timestamp = batch.max_timestamp if by_broker else timestamp
    if not faults:
        return PlainRecord(
            *partition, offset, timestamp, int(by_broker), key=key, value=value, headers=headers
        )
    detail = f"the key of header {', '.join(map(str, faults))} is not UTF-8"
    return Unreadable(*partition, offset, detail, timestamp, int(by_broker), key, value, headers)


def _headers(payload: _Payload) -> tuple[tuple[tuple[str, bytes | None], ...], list[int]]:
    """The headers, and the numbers (from 1) of those whose key had to be percent-escaped."""
    headers, faults = [], []
    for number in range(1, payload.number() + 1):
        raw = payload.bytes_or_null()
        if raw is None:
            raise ValueError("a header without a key")
        try:
            key = raw.decode()
        except UnicodeDecodeError:
            key = quote_from_bytes(raw, safe="")
            faults.append(number)
        headers.append((key, payload.bytes_or_null()))
    return tuple(headers), faults
