"""Both content modes of CloudEvents give the same event, digit for digit."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from consumer.contracts import cloudevents
from consumer.model import Envelope, PlainRecord
from consumer.stages import familiar
from consumer.stages.cloudevents import moment
from consumer.stages.decode import decode
from consumer.stages.headers import Caps
from tests.stages.helpdesk import (
    OPENED,
    TICKET,
    binary,
    disposition,
    enclosed,
    parameters,
    prepared,
    record,
    structured,
    ticket,
)

BEYOND_A_DOUBLE = 2**53 + 1


def base64_of(text: bytes) -> str:
    return base64.b64encode(text).decode()


def test_only_so_many_kinds_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who writes another source into each event fills no memory, and is read all the same."""
    monkeypatch.setattr(familiar, "_kinds", {})

    for number in range(5_000):
        source = f"/never/seen/{number}"
        headers = binary(source=source.encode())
        assert decode(record(headers=headers), cloudevents(), Caps()).source == source

    assert 0 < len(familiar._kinds) <= 4_096


def test_a_source_that_is_long_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(familiar, "_kinds", {})
    headers = binary(source=b"/" * 2_000)

    assert decode(record(headers=headers), cloudevents(), Caps()).source == "/" * 2_000

    assert not familiar._kinds


def test_names_of_headers_that_are_long_or_many_fill_no_memory() -> None:
    """A layout is kept for later records; who sends a megabyte of names in each must not have them kept."""
    before = len(familiar._layouts)
    plain = binary()

    for number in range(3):
        many = [*plain, *((f"{number}-{each}", b"") for each in range(500))]
        long = [*plain, (str(number) * 60_000, b"")]
        for headers in (many, long):
            assert decode(record(headers=headers), cloudevents(), Caps()).source == "/helpdesk"

    assert len(familiar._layouts) == before


def test_only_so_many_layouts_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(familiar, "_layouts", {})

    for number in range(3_000):
        decode(record(headers=[*binary(), (f"x-{number}", b"")]), cloudevents(), Caps())

    assert 0 < len(familiar._layouts) <= 1_024


def test_binary_attributes_come_from_headers() -> None:
    headers = binary(time=b"2024-05-01T10:00:00Z", subject=b"T-1")

    envelope = decode(record(headers=headers), cloudevents(), Caps())

    assert envelope == Envelope(
        "e-1",
        OPENED,
        ticket(),
        "/helpdesk",
        "2024-05-01T10:00:00Z",
        "T-1",
        size=envelope.size,
    )


def test_structured_attributes_come_from_the_value() -> None:
    value = enclosed(time="2024-05-01T10:00:00Z", subject="T-1")

    envelope = decode(structured(value), cloudevents(), Caps())

    assert envelope == Envelope(
        "e-1",
        OPENED,
        value,
        "/helpdesk",
        "2024-05-01T10:00:00Z",
        "T-1",
        enclosed=True,
        size=envelope.size,
    )


@pytest.mark.parametrize(
    "given",
    [
        record(ticket(views=BEYOND_A_DOUBLE)),
        structured(enclosed({**TICKET, "views": BEYOND_A_DOUBLE})),
        structured(enclosed(None, data_base64=base64_of(ticket(views=BEYOND_A_DOUBLE)))),
    ],
    ids=["binary", "structured", "base64"],
)
def test_every_mode_gives_the_same_event_to_the_last_digit(given: PlainRecord) -> None:
    found = prepared(given)

    assert (found.event_id, found.event_type, found.lane) == (
        "e-1",
        OPENED,
        ("tickets", "T-1"),
    )
    assert parameters(given)["views"] == str(BEYOND_A_DOUBLE)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"Application/CloudEvents+JSON",
        b"application/cloudevents+json; charset=UTF-8",
        b'application/cloudevents+json;charset="utf-8";profile=x',
    ],
)
def test_a_structured_event_is_known_by_its_media_type_in_any_case(content_type: bytes) -> None:
    assert disposition(structured(enclosed(), content_type)) == "applied"


def test_the_content_type_decides_where_ce_headers_stand_beside_a_structured_event() -> None:
    headers = [
        *binary(id=b"other", type=b"other"),
        ("content-type", b"application/cloudevents+json"),
    ]

    found = prepared(record(enclosed(), headers))

    assert (found.event_id, found.event_type) == ("e-1", OPENED)


def test_null_optional_attributes_and_extensions_of_a_structured_event_are_absent() -> None:
    value = json.dumps(
        {**json.loads(enclosed()), "time": None, "subject": None, "tenant": 7, "dataschema": None}
    ).encode()

    assert disposition(structured(value)) == "applied"


@pytest.mark.parametrize("data_type", ["application/json", "application/vnd.example+json"])
def test_structured_data_may_name_its_json_type(data_type: str) -> None:
    assert disposition(structured(enclosed(datacontenttype=data_type))) == "applied"


def test_a_member_named_data_inside_the_data_is_no_second_envelope() -> None:
    given = structured(enclosed({**TICKET, "data": {"title": "not this"}}))

    assert parameters(given)["title"] == TICKET["title"]


def test_a_time_keeps_its_zone() -> None:
    assert moment("2024-05-01t10:00:00.5z") == datetime(2024, 5, 1, 10, 0, 0, 500_000, tzinfo=UTC)
