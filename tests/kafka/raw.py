"""Record batches that no client library would write."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

LENGTH_AT, CRC_AT, CRC_END, PAYLOAD_AT = 8, 17, 21, 61
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


def bomb(mebibytes: int, *, base_offset: int = 0) -> bytes:
    """A batch of one record of so many zero bytes, written in a few for each 128 KiB of them."""
    block, blocks = 128 * 1024, mebibytes * 8
    size = _varint(block * blocks)
    body = b"\x00\x00\x00\x01" + size  # attributes, deltas of time and offset, no key
    length = _varint(len(body) + block * blocks + 1)
    same_byte = (block << 3 | 1 << 1).to_bytes(3, "little") + b"\x00"
    frame = b"\x28\xb5\x2f\xfd\x00\x38" + _raw(length + body) + same_byte * blocks
    payload = frame + _raw(b"\x00", last=1)  # no headers
    written = bytearray(batch((None, b"", ()), compression=4, base_offset=base_offset))[:PAYLOAD_AT]
    written += payload
    struct.pack_into(">i", written, LENGTH_AT, len(written) - LENGTH_AT - 4)
    return with_right_checksum(written)


def _raw(content: bytes, last: int = 0) -> bytes:
    return (len(content) << 3 | last).to_bytes(3, "little") + content


def _varint(number: int) -> bytes:
    """A positive number as records have them."""
    rest, written = number << 1, bytearray()
    while rest > 0x7F:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)
