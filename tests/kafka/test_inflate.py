"""What is compressed is inflated up to a bound, and not a byte differently below it."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import cramjam
import pytest
from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given, strategies as st

from consumer.kafka import inflate
from consumer.kafka.batches import MOST_RECORDS, CorruptBatch, through_first_fault
from consumer.kafka.inflate import (
    Bomb,
    bound_the_library,
    gunzip,
    unbound,
    unlz4,
    unsnap,
    unzstd,
    zstd_bound,
)
from consumer.model import Partition
from tests.kafka.raw import batch, with_right_checksum

Code = Callable[[Any], bytes]
GZIP = pytest.param(codec.gzip_encode, gunzip, id="gzip")
SNAPPY = pytest.param(codec.snappy_encode, unsnap, id="snappy in blocks")
RAW_SNAPPY = pytest.param(
    lambda data: bytes(cramjam.snappy.compress_raw(data)), unsnap, id="snappy"
)
LZ4 = pytest.param(codec.lz4_encode, unlz4, id="lz4")
ZSTD = pytest.param(codec.zstd_encode, unzstd, id="zstd")
CODECS = (GZIP, SNAPPY, RAW_SNAPPY, LZ4, ZSTD)


@pytest.mark.parametrize(("encode", "decode"), CODECS)
@given(data=st.binary(min_size=1), times=st.integers(1, 3000))
def test_what_fits_is_what_it_was(encode: Code, decode: Code, data: bytes, times: int) -> None:
    assert decode(encode(data * times)) == data * times


@pytest.mark.parametrize(("encode", "decode"), CODECS)
def test_the_bound_is_exact(encode: Code, decode: Code, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "MOST", 2**20)

    assert len(decode(encode(bytes(2**20)))) == 2**20
    with pytest.raises(Bomb, match="more than 1 MiB"):
        decode(encode(bytes(2**20 + 1)))


def test_gzip_stops_at_the_bound_and_not_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "MOST", 2**20)
    written = codec.gzip_encode(bytes(2**26))

    tracemalloc.start()
    with pytest.raises(Bomb):
        gunzip(written)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 2**23, "more than the bound"


@pytest.mark.parametrize(("encode", "decode"), [GZIP, LZ4, ZSTD])
def test_several_streams_in_one_batch_count_together(
    encode: Code, decode: Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "MOST", 2**20)
    half = encode(bytes(2**19))

    assert decode(half + half) == bytes(2**20)
    with pytest.raises(Bomb):
        decode(half + half + half)


@pytest.mark.parametrize(("encode", "decode"), CODECS)
def test_what_is_cut_or_spoilt_is_an_error_and_no_bomb(encode: Code, decode: Code) -> None:
    written = bytearray(encode(random.Random(1).randbytes(5_000)))
    written[len(written) // 2 :] = b"\xee" * 7

    with pytest.raises((zlib.error, cramjam.DecompressionError)):
        decode(bytes(written))


@given(
    parts=st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 2000)), max_size=6),
    level=st.integers(1, 12),
)
def test_the_bound_of_zstd_is_never_below_what_it_inflates_to(
    parts: list[tuple[bytes, int]], level: int
) -> None:
    data = b"".join(part * times for part, times in parts)
    written = bytes(cramjam.zstd.compress(data, level=level))

    assert len(data) <= zstd_bound(written) <= len(data) + 256 * 1024


@given(st.binary(max_size=200))
def test_no_bytes_make_the_bound_fail_or_run_on(data: bytes) -> None:
    assert zstd_bound(b"\x28\xb5\x2f\xfd" + data) >= 0
    assert zstd_bound(data) >= 0


@pytest.mark.parametrize("compression", [1, 2, 3, 4])
def test_the_library_decodes_with_ours(compression: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bound_the_library()
    monkeypatch.setattr(inflate, "MOST", 1000)
    large = batch((b"k", b"v" * 5000, ()), compression=compression)

    with pytest.raises(Bomb):
        list(DefaultRecordBatch(large))
    assert unbound() == []


def test_a_library_that_decodes_in_another_way_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(inflate.DECODERS, 4, ("zstd_decode_fast", unzstd))

    (gone,) = unbound()

    assert gone.endswith("default_records.zstd_decode_fast is not what decodes")


@pytest.mark.parametrize("compression", [1, 2, 3, 4])
def test_a_bomb_is_named_with_its_offsets(
    compression: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "MOST", 1000)
    large = batch((b"k", b"v" * 5000, ()), compression=compression, base_offset=7)

    with pytest.raises(CorruptBatch, match="offsets 7 to 7 inflates to more than 0 MiB"):
        through_first_fault(large, (), Partition("orders", 1), 7)


def test_more_records_than_can_be_read_past_the_library_are_not_begun_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = bytearray(batch((b"k", b"v", ())))
    # The count of the records is what is trusted, under a right checksum.
    written[57:61] = (MOST_RECORDS + 1).to_bytes(4, "big")

    with pytest.raises(CorruptBatch, match="100001 records"):
        through_first_fault(with_right_checksum(written), (), Partition("orders", 1), 0)
