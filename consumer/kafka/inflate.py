"""Inflates compressed batches, but only up to a bound: 16 KB of a malicious batch can hold half a gigabyte.

The library inflates a whole batch before anybody sees its size, so its decoders are replaced by these.
"""

from __future__ import annotations

import mmap
import sys
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

import cramjam
from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatch

MOST: Final = 64 * 2**20
"""Most bytes of one inflated batch. By default brokers accept 1 MB of compressed records."""

_GZIP_OF_MANY = 31
"""zlib's `wbits` for the gzip format with the largest window."""
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16
_LZ4_RATIO = 255
"""The most bytes that one compressed byte can stand for in the LZ4 block format."""
_ZSTD_FRAME, _ZSTD_SKIPPABLE = 0xFD2FB528, range(0x184D2A50, 0x184D2A60)
_ZSTD_BLOCK = 128 * 1024
_RAW, _SAME_BYTE, _COMPRESSED = 0, 1, 2
_FULL = "failed to write whole buffer"


class Bomb(ValueError):
    """It inflates to more than `MOST` bytes; the message says how many are allowed."""

    def __init__(self) -> None:
        super().__init__(f"inflates to more than {MOST // 2**20} MiB")


def gunzip(payload: Any) -> bytes:
    """Inflate gzip, which may be several members one after another (RFC 1952).

    Raises:
        Bomb: it is too large.
        zlib.error: it is malformed.
    """
    rest, parts, left = bytes(payload), [], MOST
    while rest:
        stream = zlib.decompressobj(_GZIP_OF_MANY)
        part = stream.decompress(rest, left + 1)
        left -= len(part)
        if left < 0:
            raise Bomb
        if not stream.eof:
            raise zlib.error("the gzip stream is cut short")
        parts.append(part)
        rest = stream.unused_data
    return b"".join(parts)


def unsnap(payload: Any) -> bytes:
    """Inflate snappy, raw or in the framing of snappy-java.

    Each block says how large it is; the decoder refuses one where that is not true.

    Raises:
        Bomb: it is too large.
        ValueError: it is malformed. cramjam raises errors of its own for that, too.
    """
    data = bytes(payload)
    size, at = 0, _XERIAL_HEADER
    if not data.startswith(_XERIAL):
        size = cramjam.snappy.decompress_raw_len(data)
    while data.startswith(_XERIAL) and at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if end <= at + 4:
            raise ValueError("a snappy block without a length")
        size += cramjam.snappy.decompress_raw_len(data[at + 4 : end])
        at = end
    if size > MOST:
        raise Bomb
    return bytes(codec.snappy_decode(data))


def unlz4(payload: Any) -> bytes:
    """Raises `Bomb`, and cramjam's own errors."""
    if len(payload) * _LZ4_RATIO <= MOST:
        return bytes(codec.lz4_decode(payload))
    return _bounded(cramjam.lz4.decompress_into, payload)


def unzstd(payload: Any) -> bytes:
    """Raises `Bomb`, and cramjam's own errors."""
    data = bytes(payload)
    if zstd_bound(data) <= MOST:
        return bytes(codec.zstd_decode(data))
    return _bounded(cramjam.zstd.decompress_into, data)


def zstd_bound(data: bytes) -> int:
    """An upper bound of the inflated bytes, from the block headers (RFC 8878); above `MOST` if they make no sense."""
    at = bound = 0
    while at < len(data):
        magic = int.from_bytes(data[at : at + 4], "little")
        if magic in _ZSTD_SKIPPABLE:
            at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
            continue
        if magic != _ZSTD_FRAME or at + 5 > len(data):
            return MOST + 1
        descriptor = data[at + 4]
        at += 4 + _zstd_header(descriptor)
        last = False
        while not last:
            if at + 3 > len(data):
                return MOST + 1
            header = int.from_bytes(data[at : at + 3], "little")
            last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
            bound += _ZSTD_BLOCK if kind == _COMPRESSED else size
            at += 3 + (1 if kind == _SAME_BYTE else size)
        at += 4 * (descriptor >> 2 & 1)  # the frame's checksum, if it has one
    return bound


def _zstd_header(descriptor: int) -> int:
    """Bytes of the frame header from its descriptor on: that, window, dictionary id, content size."""
    single = descriptor >> 5 & 1
    content_size = (single, 2, 4, 8)[descriptor >> 6]
    return 1 + (1 - single) + (0, 1, 2, 4)[descriptor & 3] + content_size


def _bounded(decompress_into: Callable[[Any, Any], int], payload: Any) -> bytes:
    """Inflate into anonymous memory pages, which cost nothing until they are written to."""
    with mmap.mmap(-1, MOST) as room:
        try:
            return room[: decompress_into(payload, room)]
        except cramjam.DecompressionError as error:
            if _FULL in str(error):
                raise Bomb from None
            raise


DECODERS: Final[dict[int, tuple[str, Callable[[Any], bytes]]]] = {
    1: ("gzip_decode", gunzip),
    2: ("snappy_decode", unsnap),
    3: ("lz4_decode", unlz4),
    4: ("zstd_decode", unzstd),
}
"""By Kafka's number of the codec: the name of the library's decoder, and ours."""


def bound_the_library() -> None:
    """Replace the library's decoders by these, in whichever of its two builds (C or Python) is in use."""
    for batch in (DefaultRecordBatch, LegacyRecordBatch):
        for name, decode in DECODERS.values():
            if hasattr(_module(batch), name):
                setattr(_module(batch), name, decode)


def unbound() -> list[str]:
    """Those of the library's decoders that cannot be replaced in this way: for the start-up test."""
    module = _module(DefaultRecordBatch)
    return [
        f"{module.__name__}.{name} is not what decodes"
        for number, (name, _) in DECODERS.items()
        if not _decodes(module, name, number)
    ]


class _Asked(Exception):  # the library has called our decoder; never leaves this module
    pass


def _decodes(module: ModuleType, name: str, number: int) -> bool:
    def ask(_: object) -> bytes:
        raise _Asked

    builder = DefaultRecordBatchBuilder(2, number, False, -1, -1, -1, 2**14)  # noqa: FBT003 - the library takes it by place
    builder.append(0, 0, None, bytes(2**10), [])
    decode = getattr(module, name, None)
    setattr(module, name, ask)
    try:
        next(iter(DefaultRecordBatch(bytes(builder.build()))))
    except _Asked:
        return True
    finally:
        setattr(module, name, decode)
    return False


def _module(batch: type) -> ModuleType:
    return sys.modules[batch.__module__]
