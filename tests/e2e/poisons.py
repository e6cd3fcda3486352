"""Every malformed input that a topic can hold, and the odd ones that are good: each with what is to come of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tests.e2e.jobs import APPLIED, Header, Job, cloud

UNDECODABLE, INVALID = "undecodable", "invalid"


def poisons(prefix: str) -> list[Job]:
    """One record of each kind, in a lane of its own; their names begin with `prefix`."""
    return [
        *(_of_value(prefix, name, value) for name, value in _values(prefix).items()),
        *(_of_headers(prefix, name, headers) for name, headers in _headers(prefix).items()),
        *_refused(prefix),
        _of_key(prefix),
        *_odd_and_good(prefix),
    ]


def body(record: str, **changes: object) -> bytes:
    return json.dumps({"record": record, "lane": record, "number": 1, **changes}).encode()


def _values(prefix: str) -> Mapping[str, tuple[bytes | None, str]]:
    good = body(f"{prefix}-value")
    return {
        "tombstone": (None, UNDECODABLE),
        "empty": (b"", UNDECODABLE),
        "not-utf-8": (good.replace(b"value", b"val\xff\xfe"), UNDECODABLE),
        "byte-order-mark": (b"\xef\xbb\xbf" + good, UNDECODABLE),
        "utf-16": (good.decode().encode("utf-16"), UNDECODABLE),
        "cut": (good[:-3], UNDECODABLE),
        "two-documents": (b"{} {}", UNDECODABLE),
        "null": (b"null", UNDECODABLE),
        "array": (b"[" + good + b"]", UNDECODABLE),
        "number": (b"1", UNDECODABLE),
        "same-key-twice": (good[:-1] + b', "lane": "x"}', UNDECODABLE),
        "nan": (good[:-1] + b', "x": NaN}', UNDECODABLE),
        "1e999": (good[:-1] + b', "x": 1e999}', UNDECODABLE),
        "endless-digits": (good[:-1] + b', "x": ' + b"9" * 5000 + b"}", UNDECODABLE),
        "deep": (b'{"x":' * 65 + b"1" + b"}" * 65, UNDECODABLE),
        "bottomless": (b"[" * 100_000, UNDECODABLE),
        "lone-surrogate": (good[:-1] + b', "x": "\\ud800"}', UNDECODABLE),
        "schema-registry": (b"\x00\x00\x00\x00\x07" + good, UNDECODABLE),
        "huge": (body(f"{prefix}-huge", x="x" * 2**20), UNDECODABLE),
        "bool-for-int": (body(f"{prefix}-bool", number=True), INVALID),
        "text-for-int": (body(f"{prefix}-text", number="1"), INVALID),
        "fraction-for-int": (body(f"{prefix}-fraction", number=1.5), INVALID),
        "missing-field": (b'{"record": "r", "lane": "l"}', INVALID),
    }


def _headers(prefix: str) -> Mapping[str, tuple[Header, ...]]:
    good = cloud(f"{prefix}-header", "safe")
    changed: Mapping[str, Mapping[str, bytes | None]] = {
        "no-id": {"ce_id": None},
        "empty-id": {"ce_id": b""},
        "endless-id": {"ce_id": b"x" * 3000},
        "id-with-control-characters": {"ce_id": b"a\nb"},
        "id-not-utf-8": {"ce_id": b"\xff"},
        "old-version": {"ce_specversion": b"0.3"},
        "no-type": {"ce_type": None},
        "no-source": {"ce_source": None},
        "time-without-zone": {"ce_time": b"2024-05-01T10:00:00"},
        "no-such-day": {"ce_time": b"2024-02-30T10:00:00Z"},
        "other-format": {"content-type": b"application/avro"},
        "other-charset": {"content-type": b"application/json; charset=latin-1"},
        "batch": {"content-type": b"application/cloudevents-batch+json"},
        "structured-without-data": {"content-type": b"application/cloudevents+json"},
    }
    return {
        **{name: _with(good, **change) for name, change in changed.items()},
        "contradiction": (*good, ("ce_id", b"another")),
        "too-many": (*good, *((f"h{number}", b"") for number in range(1000))),
        "too-large": (*good, ("h", b"x" * 70_000)),
    }


def _refused(prefix: str) -> Iterator[Job]:
    for name, kind, number, source, reason in (
        ("stranger", "safe", 1, "/elsewhere", "unauthorised"),
        ("no-route", "other", 1, "/e2e", "unknown_type"),
        ("raises", "odd", 0, "/e2e", "unmappable"),
        ("refused", "safe", -1, "/e2e", "rejected"),
    ):
        record = f"{prefix}-{name}"
        headers = cloud(record, kind, source)
        value = body(record, number=number)
        yield Job(record, "broken", record, record.encode(), value, headers, reason)


def _odd_and_good(prefix: str) -> Iterator[Job]:
    """Applied, each: none of it is anybody's fault."""
    for name, key, value, more in (
        ("spaced", b"k", b" \n\t%s\r\n ", ()),
        ("without-key", None, b"%s", ()),
        ("key-not-utf-8", b"\xff\xfe", b"%s", ()),
        ("null-header", b"k", b"%s", (("x", None),)),
        ("header-not-utf-8", b"k", b"%s", (("x", b"\xff"),)),
        ("malformed-trace", b"k", b"%s", (("traceparent", b"\xff"), ("baggage", b"\xfe=,"))),
        ("trace-of-noughts", b"k", b"%s", (("traceparent", b"00-" + b"0" * 32 + b"-0-00"),)),
    ):
        record = f"{prefix}-{name}"
        headers = (*cloud(record, "never"), *more)
        yield Job(record, "never", record, key, value % body(record), headers, APPLIED)
    record = f"{prefix}-shouted"
    shouted = _with(cloud(record, "never"), **{"content-type": b"Application/JSON; Charset=UTF-8"})
    yield Job(record, "never", record, b"k", body(record, unknown="field"), shouted, APPLIED)


def _of_value(prefix: str, name: str, given: tuple[bytes | None, str]) -> Job:
    record, (value, reason) = f"{prefix}-{name}", given
    return Job(
        record, "broken", record, record.encode(), value, cloud(record, "safe"), expect=reason
    )


def _of_key(prefix: str) -> Job:
    record = f"{prefix}-huge-key"
    headers = cloud(record, "safe")
    return Job(record, "broken", record, b"k" * 70_000, body(record), headers, expect=UNDECODABLE)


def _of_headers(prefix: str, name: str, headers: tuple[Header, ...]) -> Job:
    record = f"{prefix}-{name}"
    return Job(record, "broken", record, record.encode(), body(record), headers, expect=UNDECODABLE)


def _with(headers: tuple[Header, ...], **changes: bytes | None) -> tuple[Header, ...]:
    """These changed, those added; None leaves one out."""
    changed = {**dict(headers), **changes}
    return tuple((name, value) for name, value in changed.items() if value is not None)
