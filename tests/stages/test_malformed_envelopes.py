"""Structured CloudEvents, keys, timestamps and coordinates, one row each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from consumer.model import PlainRecord, Unreadable
from tests.stages.helpdesk import STRICT, binary, disposition, enclosed, record, structured, ticket

ENCLOSED = {
    "no id": (enclosed(id=None), "undecodable: not a CloudEvent: attribute id missing"),
    "no type and no source": (
        enclosed(type=None, source=None),
        "undecodable: not a CloudEvent: attribute source, type missing",
    ),
    "id of another kind": (enclosed(id=7), "undecodable: attribute id is not a string"),
    "empty id": (enclosed(id=""), "undecodable: attribute id is empty"),
    "huge type": (enclosed(type="x" * 2049), "undecodable: attribute type has more than 2048"),
    "specversion 0.3": (
        enclosed(specversion="0.3"),
        "undecodable: attribute specversion is not 1.0",
    ),
    "specversion as number": (
        enclosed(specversion=1.0),
        "undecodable: attribute specversion is not 1.0",
    ),
    "time that is none": (
        enclosed(time="now"),
        "undecodable: attribute time is not an RFC 3339 time",
    ),
    "time of another kind": (enclosed(time=5), "undecodable: attribute time is not a string"),
    "no data": (enclosed(None), "undecodable: has no data"),
    "data null": (
        enclosed()[:-1].replace(json.dumps(json.loads(ticket())).encode(), b"null") + b"}",
        "undecodable: has no data",
    ),
    "data as text": (enclosed("<a/>"), "undecodable: data is JSON, but not an object"),
    "data of another type": (
        enclosed(datacontenttype="application/xml"),
        "undecodable: attribute datacontenttype is not JSON",
    ),
    "data twice": (enclosed(data_base64="e30="), "undecodable: has both data and data_base64"),
    "data_base64 that is none": (
        enclosed(None, data_base64="e30"),
        "undecodable: data_base64 is not base64",
    ),
    "data_base64 with other characters": (
        enclosed(None, data_base64="e3 0=!"),
        "undecodable: data_base64 is not base64",
    ),
    "data_base64 beyond ASCII": (
        enclosed(None, data_base64="\u00e9"),
        "undecodable: data_base64 is not base64",
    ),
    "data_base64 of another kind": (
        enclosed(None, data_base64=7),
        "undecodable: data_base64 is not base64",
    ),
    "data_base64 of nothing": (
        enclosed(None, data_base64=""),
        "undecodable: data_base64 is empty",
    ),
    "data_base64 of no JSON": (
        enclosed(None, data_base64="AAAA"),
        "undecodable: data_base64 begins with a zero byte",
    ),
    "data_base64 with a key twice": (
        enclosed(None, data_base64="eyJhIjoxLCJhIjoyfQ=="),
        "undecodable: data_base64 has the same key twice",
    ),
    "data that is invalid": (
        enclosed({"ticket_id": "T-1"}),
        "invalid: data.title: Field required; data.priority: Field required",
    ),
    "a source that is not allowed": (enclosed(source="/crm"), "unauthorised: source '/crm'"),
    "a type that nobody maps": (enclosed(type="x"), "unknown_type: type 'x' has no route"),
}

OTHER = {
    "key and value null": (
        replace(record(key=None), value=None),
        "undecodable: value is null",
    ),
    "a key over the limit": (
        record(key=b"k" * (64 * 1024 + 1)),
        "undecodable: has a key of more than 65536 bytes",
    ),
    "a key as long as the limit": (record(key=b"k" * 64 * 1024), "applied"),
    "a key that is not UTF-8": (record(key=b"\xff\xfe"), "applied"),
    "no key": (record(key=None), "applied"),
    "an empty key": (record(key=b""), "applied"),
    "a key that disagrees with the event": (record(key=b"T-999"), "applied"),
    "timestamp -1": (record(timestamp=-1), "applied"),
    "timestamp of the largest integer": (record(timestamp=2**63 - 1), "applied"),
    "timestamp of the smallest": (record(timestamp=-(2**63)), "applied"),
    "timestamp set by the broker": (replace(record(), timestamp_type=1), "applied"),
    "timestamp in the far future": (record(timestamp=32_503_680_000_000), "applied"),
    "ignored by rule": (record(ticket(title="ignore me")), "ignored: a test"),
    "an unknown field where it is forbidden": (
        record(ticket(colour="red"), binary(type=STRICT.encode())),
        "invalid: event: Extra inputs are not permitted 'colour'",
    ),
    "a topic without contract": (
        record(topic="elsewhere"),
        "unknown_type: topic elsewhere has no contract",
    ),
    "a header key that is not UTF-8": (
        Unreadable("tickets", 0, 7, "header key is not UTF-8"),
        "unreadable: header key is not UTF-8",
    ),
}


@pytest.mark.parametrize(("value", "expected"), ENCLOSED.values(), ids=ENCLOSED)
def test_a_malformed_structured_event_is_dead_lettered_with_its_own_detail(
    value: bytes, expected: str
) -> None:
    assert disposition(structured(value)).startswith(expected)


@pytest.mark.parametrize(("given", "expected"), OTHER.values(), ids=OTHER)
def test_what_else_may_come_has_its_place(given: PlainRecord | Unreadable, expected: str) -> None:
    assert disposition(given).startswith(expected)
