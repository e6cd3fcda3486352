"""Batches that the client library gives up on, read all the same."""

from __future__ import annotations

import struct

import pytest

from consumer.kafka.batches import CorruptBatch, Extent, extent, through_first_fault
from consumer.model import Partition, PlainRecord, Unreadable
from tests.kafka.raw import Row, batch, with_right_checksum

P = Partition("orders", 1)
ATTRIBUTES_AT = 21
LAST_DELTA_AT = 23
CONTROL = 0x30


def marker(base_offset: int, producer_id: int, kind: int) -> bytes:
    """The end of a transaction: 0 aborted, 1 committed."""
    written = bytearray(
        batch(
            (struct.pack(">hh", 0, kind), b"", ()), producer_id=producer_id, base_offset=base_offset
        )
    )
    struct.pack_into(">h", written, ATTRIBUTES_AT, CONTROL)
    return with_right_checksum(written)


@pytest.mark.parametrize("compression", [0, 1, 2, 3, 4])
def test_all_records_of_a_batch_are_read_with_every_compression(compression: int) -> None:
    data = batch(
        (b"k", b"v", [("a", b"1"), ("a", None)]), (None, None, ()), compression=compression
    )

    salvaged = through_first_fault(data, (), P, 0)

    assert salvaged.records == [
        PlainRecord("orders", 1, 0, 1000, 0, b"k", b"v", (("a", b"1"), ("a", None))),
        PlainRecord("orders", 1, 1, 1001, 0, None, None, ()),
    ]
    assert salvaged.next_offset == 2


def test_a_header_key_that_is_not_utf_8_is_escaped_and_all_else_recovered() -> None:
    data = batch((b"k", b"v", [("good", b"1"), ("BAD--", b"2")]), (b"k2", b"v2", ()))

    bad, good = through_first_fault(data, (), P, 0).records

    assert bad == Unreadable(
        "orders",
        1,
        0,
        "the key of header 2 is not UTF-8",
        1000,
        0,
        b"k",
        b"v",
        (("good", b"1"), ("%FF%FEkey", b"2")),
    )
    assert isinstance(good, PlainRecord)


def test_records_before_the_wanted_offset_are_left_out() -> None:
    data = batch((b"0", b"", ()), (b"1", b"", ()), (b"2", b"", ()), base_offset=10)

    salvaged = through_first_fault(data, (), P, 11)

    assert [each.offset for each in salvaged.records] == [11, 12]


def test_a_corrupt_batch_does_not_spoil_the_good_ones_before_it() -> None:
    good = batch((b"0", b"", ()))
    spoilt = bytearray(batch((b"1", b"", ()), base_offset=1))
    spoilt[-1] ^= 0xFF

    salvaged = through_first_fault(good + bytes(spoilt), (), P, 0)

    assert [each.offset for each in salvaged.records] == [0]
    assert salvaged.next_offset == 1


def test_good_batches_up_to_the_fault_come_with_it_and_those_behind_do_not() -> None:
    """A fetch for each batch made a dozen records a second of a partition with one such record."""
    data = (
        batch((b"0", b"", ()))
        + batch((b"1", b"", ()), base_offset=1)
        + batch((b"2", b"", [("BAD--", b"2")]), base_offset=2)
        + batch((b"3", b"", ()), base_offset=3)
    )

    salvaged = through_first_fault(data, (), P, 0)

    assert [type(each) for each in salvaged.records] == [PlainRecord, PlainRecord, Unreadable]
    assert salvaged.next_offset == 3


def test_a_wrong_checksum_is_corrupt_and_names_its_offsets() -> None:
    data = bytearray(batch((b"k", b"v", ()), (b"k", b"v", ()), base_offset=5))
    data[-1] ^= 0xFF

    with pytest.raises(CorruptBatch, match="offsets 5 to 6 has a wrong checksum"):
        through_first_fault(bytes(data), (), P, 5)


def test_a_wrong_structure_under_a_right_checksum_is_corrupt() -> None:
    data = bytearray(batch((b"k", b"v", ())))
    data[-3:] = b"\x7f\x7f\x7f"

    with pytest.raises(CorruptBatch, match="wrong structure"):
        through_first_fault(with_right_checksum(data), (), P, 0)


@pytest.mark.parametrize("compression", [1, 2, 3, 4])
def test_what_cannot_be_decompressed_is_corrupt(compression: int) -> None:
    data = bytearray(batch((b"k", b"v" * 500, ()), compression=compression))
    data[70:80] = b"\xee" * 10

    with pytest.raises(CorruptBatch, match=r"decompressed|structure"):
        through_first_fault(with_right_checksum(data), (), P, 0)


def test_a_batch_that_was_cut_short_by_the_broker_is_left_for_the_next_fetch() -> None:
    data = batch((b"k", b"v", ()))

    salvaged = through_first_fault(data[:-1], (), P, 0)

    assert (salvaged.records, salvaged.next_offset) == ([], 0)


def test_aborted_transactions_and_markers_are_passed_over() -> None:
    data = (
        batch((b"0", b"", ()), producer_id=7, transactional=True)
        + marker(1, 7, 0)
        + batch((b"2", b"", ()), producer_id=7, transactional=True, base_offset=2)
    )

    salvaged = through_first_fault(data, [(7, 0)], P, 0)

    assert [each.key for each in salvaged.records] == [b"2"]


def test_with_nothing_but_markers_the_position_still_moves_past_them() -> None:
    salvaged = through_first_fault(marker(0, 7, 1), (), P, 0)

    assert (salvaged.records, salvaged.next_offset) == ([], 1)


def test_a_marker_of_another_shape_is_a_corrupt_batch_and_no_bug() -> None:
    written = bytearray(batch((b"\x00", b"", ()), producer_id=7))
    struct.pack_into(">h", written, ATTRIBUTES_AT, CONTROL)

    with pytest.raises(CorruptBatch, match="wrong structure"):
        through_first_fault(with_right_checksum(written), (), P, 0)


def test_a_marker_that_compaction_emptied_is_passed_over_like_any_other() -> None:
    """The broker keeps such a batch without its record while its producer lives, and the library raises on it."""
    emptied = bytearray(batch(producer_id=7, base_offset=1))
    struct.pack_into(">h", emptied, ATTRIBUTES_AT, CONTROL)
    struct.pack_into(">i", emptied, LAST_DELTA_AT, 0)
    data = with_right_checksum(emptied) + batch((b"2", b"", ()), base_offset=2)

    salvaged = through_first_fault(data, (), P, 1)

    assert [each.offset for each in salvaged.records] == [2]
    assert salvaged.next_offset == 3


def test_time_of_the_broker_counts_where_the_topic_says_so() -> None:
    data = bytearray(batch((b"k", b"v", ()), (b"k", b"v", ())))
    struct.pack_into(">h", data, ATTRIBUTES_AT, 0x08)

    first, _ = through_first_fault(with_right_checksum(data), (), P, 0).records

    assert (first.timestamp, first.timestamp_type) == (1001, 1)


def test_a_batch_whose_header_lies_about_its_end_is_corrupt_wherever_it_stands() -> None:
    """Taken for one that ends before the wanted offset, it would be left out without a word."""
    good = batch((b"0", b"", ()), (b"1", b"", ()))
    lying = bytearray(batch((b"2", b"", ()), (b"3", b"", ()), base_offset=2))
    struct.pack_into(">i", lying, LAST_DELTA_AT, -2)

    salvaged = through_first_fault(good + bytes(lying), (), P, 0)

    assert salvaged.next_offset == 2
    with pytest.raises(CorruptBatch, match="wrong checksum"):
        through_first_fault(bytes(lying), (), P, 2)


def spoilt(*rows: Row, base_offset: int) -> bytearray:
    """A batch with a wrong checksum."""
    written = bytearray(batch(*rows, base_offset=base_offset))
    written[-1] ^= 0xFF
    return written


ROW: Row = (b"k", b"v", ())


def test_the_end_of_a_corrupt_batch_is_where_the_next_one_begins() -> None:
    corrupt, behind = spoilt(ROW, ROW, ROW, base_offset=7), batch(ROW, base_offset=10)

    found = extent(bytes(corrupt) + behind)

    assert found == Extent(7, 10, intact=False, next_batch=10, size=len(corrupt))
    assert found.end == 10


@pytest.mark.parametrize("lie", [40, 0, -9])
def test_a_header_that_lies_does_not_pass_over_a_good_batch(lie: int) -> None:
    corrupt = spoilt(ROW, ROW, base_offset=7)
    struct.pack_into(">i", corrupt, LAST_DELTA_AT, lie)

    found = extent(bytes(corrupt) + batch(ROW, base_offset=9))

    assert found is not None
    assert found.end in (8, 9)


def test_of_the_last_batch_in_the_data_only_a_right_checksum_tells_the_end() -> None:
    intact, corrupt = (
        extent(batch(ROW, ROW, base_offset=7)),
        extent(bytes(spoilt(ROW, base_offset=7))),
    )

    assert intact is not None
    assert corrupt is not None
    assert (intact.end, corrupt.end) == (9, None)


def test_two_headers_that_agree_are_believed_and_two_that_do_not_are_not() -> None:
    corrupt = spoilt(ROW, base_offset=7)

    next_to_it = extent(bytes(corrupt + spoilt(ROW, base_offset=8)))
    further = extent(bytes(corrupt + spoilt(ROW, base_offset=9)))

    assert next_to_it is not None
    assert further is not None
    assert (next_to_it.end, further.end) == (8, None)


def test_of_nothing_no_extent_is_told() -> None:
    assert extent(b"") is None
    assert extent(batch(ROW)[:60]) is None
