"""Record batches that no client library would write."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

CRC_AT, CRC_END = 17, 21
BAD_KEY = b"\xff\xfekey"
"""A header key that is not UTF-8."""
_STAND_IN = "BAD--"

Row = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]


def batch(
    *rows: Row,
    compression: int = 0,
    producer_id: int = -1,
    transactional: bool = False,
    base_offset: int = 0,
) -> bytes:
    """A batch of key, value and headers; the header key "BAD--" is written as bytes that are not UTF-8."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=transactional,
        producer_id=producer_id,
        producer_epoch=0 if producer_id >= 0 else -1,
        base_sequence=0 if producer_id >= 0 else -1,
        batch_size=2**20,
    )
    for number, (key, value, headers) in enumerate(rows):
        assert builder.append(number, 1000 + number, key, value, list(headers)) is not None
    written = bytearray(builder.build())
    struct.pack_into(">q", written, 0, base_offset)
    if not compression:
        written = written.replace(_STAND_IN.encode(), BAD_KEY)
    return with_right_checksum(written)


def with_right_checksum(written: bytearray) -> bytes:
    struct.pack_into(">I", written, CRC_AT, calc_crc32c(bytes(written[CRC_END:])))
    return bytes(written)
