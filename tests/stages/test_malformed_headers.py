"""Headers of a binary CloudEvent, one row each: refused with a reason of its own, or accepted all the same."""

from __future__ import annotations

import pytest

from consumer.contracts import cloudevents
from consumer.stages import familiar
from consumer.stages.decode import decode
from consumer.stages.headers import Caps
from tests.stages.helpdesk import binary, disposition, record

HEADERS = {
    "no header at all": (
        [],
        "undecodable: not a CloudEvent: header ce_specversion, ce_id, ce_source, ce_type missing (nor",
    ),
    "no ce_id": (binary(id=None), "undecodable: not a CloudEvent: header ce_id missing"),
    "no ce_source": (
        binary(source=None),
        "undecodable: not a CloudEvent: header ce_source missing",
    ),
    "no ce_type": (binary(type=None), "undecodable: not a CloudEvent: header ce_type missing"),
    "no ce_specversion": (
        binary(specversion=None),
        "undecodable: not a CloudEvent: header ce_specversion missing",
    ),
    "two are missing": (
        binary(id=None, type=None),
        "undecodable: not a CloudEvent: header ce_id, ce_type missing",
    ),
    "ce_id null": (
        [*binary(id=None), ("ce_id", None)],
        "undecodable: not a CloudEvent: header ce_id missing",
    ),
    "header names in capitals": (
        [(name.upper(), value) for name, value in binary()],
        "undecodable: not a CloudEvent: header ce_specversion, ce_id, ce_source, ce_type missing",
    ),
    "specversion 0.3": (
        binary(specversion=b"0.3"),
        "undecodable: header ce_specversion is not 1.0",
    ),
    "specversion 2.0": (
        binary(specversion=b"2.0"),
        "undecodable: header ce_specversion is not 1.0",
    ),
    "empty id": (binary(id=b""), "undecodable: header ce_id is empty"),
    "id over the limit": (
        binary(id=b"x" * 2049),
        "undecodable: header ce_id has more than 2048 characters",
    ),
    "id with a newline": (binary(id=b"a\nb"), "undecodable: header ce_id has control characters"),
    "id not UTF-8": (binary(id=b"\xff"), "undecodable: header ce_id is not UTF-8"),
    "type not UTF-8": (binary(type=b"\xff"), "undecodable: header ce_type is not UTF-8"),
    "empty source": (binary(source=b""), "undecodable: header ce_source is empty"),
    "empty subject": (binary(subject=b""), "undecodable: header ce_subject is empty"),
    "time that is none": (
        binary(time=b"yesterday"),
        "undecodable: header ce_time is not an RFC 3339 time",
    ),
    "time without its hyphens and colons": (
        binary(time=b"20240501T100000Z"),
        "undecodable: header ce_time is not an RFC 3339 time",
    ),
    "time of a whole hour": (binary(time=b"2024-05-01T10Z"), "undecodable: header ce_time is not"),
    "fraction in other digits": (
        binary(time="2024-05-01T10:00:00.\u0665Z".encode()),
        "undecodable: header ce_time is not an RFC 3339 time",
    ),
    "time without a zone": (
        binary(time=b"2024-05-01T10:00:00"),
        "undecodable: header ce_time is not an RFC 3339 time with a time zone",
    ),
    "time that does not exist": (
        binary(time=b"2024-02-30T10:00:00Z"),
        "undecodable: header ce_time is not an RFC 3339 time",
    ),
    "time not UTF-8": (binary(time=b"\xff"), "undecodable: header ce_time is not an RFC 3339 time"),
    "time in other digits": (
        binary(time="\u0662024-05-01T10:00:00Z".encode()),
        "undecodable: header ce_time is not an RFC 3339 time",
    ),
    "an attribute twice": (
        [*binary(), ("ce_id", b"e-2")],
        "undecodable: header 'ce_id' occurs twice, with different values",
    ),
    "an extension twice": (
        [*binary(), ("ce_tenant", b"a"), ("ce_tenant", b"b")],
        "undecodable: header 'ce_tenant' occurs twice, with different values",
    ),
    "content types that differ": (
        [*binary(), ("content-type", b"application/json"), ("content-type", b"text/json")],
        "undecodable: header content-type occurs twice",
    ),
    "another content type": (
        [*binary(), ("content-type", b"application/avro")],
        "undecodable: header content-type is not JSON",
    ),
    "an empty content type": (
        [*binary(), ("content-type", b"")],
        "undecodable: header content-type is not JSON",
    ),
    "a content type not UTF-8": (
        [*binary(), ("content-type", b"\xff")],
        "undecodable: header content-type is not JSON",
    ),
    "a huge content type": (
        [*binary(), ("content-type", b"a" * 300)],
        "undecodable: header content-type has more than 256 bytes",
    ),
    "another charset": (
        [*binary(), ("content-type", b"application/json; charset=latin-1")],
        "undecodable: header content-type has a charset other than UTF-8",
    ),
    "a batch": (
        [("content-type", b"application/cloudevents-batch+json")],
        "undecodable: header content-type is a batch",
    ),
    "another event format": (
        [*binary(), ("content-type", b"application/cloudevents+avro")],
        "undecodable: header content-type has an event format other than",
    ),
    "10,000 headers": (
        [*binary(), *[("x", b"")] * 10_000],
        "undecodable: has more than 1000 headers",
    ),
    "a megabyte of headers": (
        [*binary(), ("x", b"y" * 2**20)],
        "undecodable: has headers of more than 65536 bytes",
    ),
    "a type that nobody maps": (
        binary(type=b"com.example.ticket.closed.v1"),
        "unknown_type: type 'com.example.ticket.closed.v1' has no route on this topic",
    ),
    "a type in other capitals": (
        binary(type=b"COM.EXAMPLE.TICKET.OPENED.V1"),
        "unknown_type: type 'COM.EXAMPLE.TICKET.OPENED.V1' has no route",
    ),
    "an action's name as type": (
        binary(type=b"create-ticket"),
        "unknown_type: type 'create-ticket'",
    ),
    "a source that is not allowed": (
        binary(source=b"/crm"),
        "unauthorised: source '/crm' is not among the contract's sources",
    ),
    "a source that begins alike": (
        binary(source=b"/helpdesk/"),
        "unauthorised: source '/helpdesk/'",
    ),
}

ACCEPTED_HEADERS = {
    "a JSON content type": [*binary(), ("content-type", b"application/json")],
    "with its charset": [*binary(), ("content-type", b'Application/JSON ; Charset="UTF-8"')],
    "a JSON suffix": [*binary(), ("content-type", b"application/vnd.example+json")],
    "a null content type": [*binary(), ("content-type", None)],
    "the same header twice": [*binary(), ("ce_id", b"e-1")],
    "another header twice": [*binary(), ("x", b"1"), ("x", b"2")],
    "a header that is not UTF-8": [*binary(), ("x", b"\xff\xfe")],
    "a null header": [*binary(), ("x", None)],
    "a null attribute": [*binary(), ("ce_time", None), ("ce_subject", None)],
    "a time in nanoseconds": binary(time=b"2024-05-01T10:00:00.123456789Z"),
    "a time in small letters": binary(time=b"2024-05-01t10:00:00z"),
    "a time with an offset": binary(time=b"2024-05-01T10:00:00+05:30"),
    "a time long ago": binary(time=b"0001-01-01T00:00:00Z"),
    "an id of unusual spaces": binary(id="a\u00a0b".encode()),
    "a malformed traceparent": [*binary(), ("traceparent", b"00-" + b"0" * 32 + b"-\xff")],
    "a traceparent of zeros": [
        *binary(),
        ("traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00"),
    ],
}


@pytest.mark.parametrize(("headers", "expected"), HEADERS.values(), ids=HEADERS)
def test_headers_that_make_no_event_are_dead_lettered_with_their_own_detail(
    headers: list[tuple[str, bytes | None]], expected: str
) -> None:
    assert disposition(record(headers=headers)).startswith(expected)


@pytest.mark.parametrize("headers", ACCEPTED_HEADERS.values(), ids=ACCEPTED_HEADERS)
def test_headers_that_are_merely_unusual_are_applied(
    headers: list[tuple[str, bytes | None]],
) -> None:
    assert disposition(record(headers=headers)) == "applied"


@pytest.mark.parametrize(
    "headers",
    [*(headers for headers, _ in HEADERS.values()), *ACCEPTED_HEADERS.values()],
    ids=[*HEADERS, *ACCEPTED_HEADERS],
)
def test_what_was_seen_before_decides_nothing(
    headers: list[tuple[str, bytes | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records like earlier ones are read by a shorter way: it must lead to the same end."""
    monkeypatch.setattr(familiar, "_layouts", {})
    monkeypatch.setattr(familiar, "_kinds", {})
    at_first = disposition(record(headers=headers))

    content_type = ("content-type", b"application/json")
    when, about = b"2024-05-01T10:00:00Z", b"T-1"
    for usual in (binary(), binary(time=when), binary(subject=about), [*binary(), content_type]):
        assert disposition(record(headers=usual)) == "applied"
    for accepted in ACCEPTED_HEADERS.values():
        disposition(record(headers=accepted))

    assert disposition(record(headers=headers)) == at_first


def test_an_event_like_those_before_has_the_same_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes included: they count against the limit of memory."""
    monkeypatch.setattr(familiar, "_layouts", {})
    monkeypatch.setattr(familiar, "_kinds", {})
    headers = [
        *binary(time=b"2024-05-01T10:00:00.5Z", subject="Zoë".encode()),
        ("content-type", b"application/json; charset=utf-8"),
        ("ce_tenant", "ä".encode()),
    ]

    first = decode(record(headers=headers), cloudevents(), Caps())
    again = decode(record(headers=headers), cloudevents(), Caps())

    assert familiar.familiar(headers, b"{}", 0, Caps()) is not None
    assert again == first
