"""The headers of a letter are published: dashboards and tools of others read them."""

from __future__ import annotations

from datetime import UTC, datetime

from consumer.kafka.letter_headers import DETAILS, OWN, letter_headers, null_value
from consumer.model import Letter, PlainRecord
from consumer.outcomes import Answer

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)

RECORD = PlainRecord(
    "orders", 3, 42, 1_700_000_000_000, 0, b"key", b"value", (("ce_id", b"1"), ("void", None))
)


def test_original_headers_come_first_and_the_reasons_after_them() -> None:
    letter = Letter(
        RECORD,
        "rejected",
        "the title is too long",
        "submit",
        event_type="ticket.opened",
        action="create-ticket",
        attempts=2,
        answer=Answer("http_400", error_name="InvalidParameter", error_instance_id="e-1"),
        applied=1,
        redriven=3,
    )

    headers = letter_headers(letter, NOW)

    assert headers == [
        ("ce_id", b"1"),
        ("void", None),
        ("dlq.reason", b"rejected"),
        ("dlq.detail", b"the title is too long"),
        ("dlq.topic", b"orders"),
        ("dlq.partition", b"3"),
        ("dlq.offset", b"42"),
        ("dlq.timestamp", b"1700000000000"),
        ("dlq.time", b"2026-03-01T12:00:00.123+00:00"),
        ("dlq.type", b"ticket.opened"),
        ("dlq.action", b"create-ticket"),
        ("dlq.attempts", b"2"),
        ("dlq.error_name", b"InvalidParameter"),
        ("dlq.error_instance_id", b"e-1"),
        ("dlq.applied", b"1"),
        ("dlq.redriven", b"3"),
        ("__connect.errors.topic", b"orders"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"42"),
        ("__connect.errors.exception.class.name", b"consumer.Rejected.rejected"),
        ("__connect.errors.exception.message", b"the title is too long"),
        ("__connect.errors.stage", b"submit"),
    ]


def test_what_is_not_known_is_left_out() -> None:
    letter = Letter(RECORD, "undecodable", "no JSON object", "decode")

    names = {name for name, _ in letter_headers(letter, NOW)}

    assert names.isdisjoint({"dlq.type", "dlq.action", "dlq.error_name", "dlq.error_instance_id"})
    assert "traceparent" not in names


def test_headers_of_an_earlier_letter_are_replaced_and_never_piled_up() -> None:
    first = letter_headers(Letter(RECORD, "invalid", "once", "validate"), NOW)
    again = PlainRecord(*RECORD_COORDINATES, key=b"key", value=b"value", headers=first)

    second = letter_headers(Letter(again, "rejected", "twice", "submit", redriven=1), NOW)

    names = [name for name, _ in second]
    assert len(names) == len(set(names))
    assert ("dlq.detail", b"twice") in second
    assert names[:2] == ["ce_id", "void"]


RECORD_COORDINATES = ("orders", 3, 42)


def test_every_header_that_is_written_is_also_replaced() -> None:
    letter = Letter(
        PlainRecord("orders", 0, 1),
        "unknown",
        "",
        "submit",
        event_type="t",
        action="a",
        answer=Answer("timeout", error_name="n", error_instance_id="i"),
    )

    written = {name for name, _ in letter_headers(letter, NOW)}

    assert written == OWN
    assert written > DETAILS


def test_the_trace_of_the_failure_takes_the_place_of_the_producers() -> None:
    record = PlainRecord("orders", 0, 1, key=b"k", headers=(("traceparent", b"theirs"),))

    headers = letter_headers(Letter(record, "invalid", "", "validate", traceparent="ours"), NOW)

    assert [value for name, value in headers if name == "traceparent"] == [b"ours"]


def test_the_trace_of_the_producer_stays_where_there_is_no_other() -> None:
    record = PlainRecord("orders", 0, 1, key=b"k", headers=(("traceparent", b"theirs"),))

    headers = letter_headers(Letter(record, "invalid", "", "validate"), NOW)

    assert [value for name, value in headers if name == "traceparent"] == [b"theirs"]


def test_a_shortened_letter_has_no_details() -> None:
    headers = letter_headers(Letter(RECORD, "invalid", "x" * 10_000, "v"), NOW, details=False)

    assert DETAILS.isdisjoint(name for name, _ in headers)
    assert sum(len(value or b"") for _, value in headers) < 1000


def test_a_record_of_nothing_becomes_an_empty_value_and_says_so() -> None:
    letter = Letter(PlainRecord("orders", 0, 1), "undecodable", "", "decode")

    assert null_value(letter) == b""
    assert ("dlq.null", b"value") in letter_headers(letter, NOW)


def test_a_null_value_beside_a_key_stays_null() -> None:
    letter = Letter(PlainRecord("orders", 0, 1, key=b""), "undecodable", "", "decode")

    assert null_value(letter) is None
    assert "dlq.null" not in {name for name, _ in letter_headers(letter, NOW)}


def test_text_that_has_no_utf_8_does_not_lose_the_letter() -> None:
    headers = letter_headers(Letter(RECORD, "invalid", "lone \ud800", "validate"), NOW)

    assert ("dlq.detail", b"lone \\ud800") in headers
