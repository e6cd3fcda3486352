"""Malformed values, one row each: what becomes of the record, and what its publisher is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stages.helpdesk import disposition, record, ticket, ticket_with


def nested(levels: int) -> bytes:
    """A ticket that is `levels` deep, itself counted."""
    return ticket_with('"anything": ' + "[" * (levels - 1) + "]" * (levels - 1))


VALUES = {
    "null value: a tombstone": (None, "undecodable: value is null"),
    "empty value": (b"", "undecodable: value is empty"),
    "blank value": (b" \n", "undecodable: value is not JSON"),
    "value over the limit": (
        ticket(anything="x" * 1024 * 1024),
        "undecodable: value has more than 1048576 bytes",
    ),
    "not UTF-8": (b'{"a": "\xff"}', "undecodable: value is not UTF-8 at byte 8"),
    "UTF-8 with an encoded surrogate": (
        b'{"a": "\xed\xa0\x80"}',
        "undecodable: value is not UTF-8",
    ),
    "overlong UTF-8": (b'{"a": "\xc0\xaf"}', "undecodable: value is not UTF-8"),
    "byte order mark": (b"\xef\xbb\xbf" + ticket(), "undecodable: value begins with a byte order"),
    "UTF-16 with its mark": (ticket().decode().encode("utf-16"), "undecodable: value is UTF-16"),
    "UTF-16 without one": (ticket().decode().encode("utf-16-be"), "undecodable: value is UTF-16"),
    "UTF-32": (ticket().decode().encode("utf-32"), "undecodable: value is UTF-32"),
    "framed for a schema registry": (
        b"\x00\x00\x00\x00\x07" + ticket(),
        "undecodable: value begins with a zero byte, as if framed for a schema registry",
    ),
    "framed with a short header": (b"\x00\x01", "undecodable: value begins with a zero byte"),
    "truncated": (ticket()[:-1], "undecodable: value is not JSON at line 1 column"),
    "two documents": (b"{} {}", "undecodable: value has something after its JSON object at line 1"),
    "a NUL after the document": (ticket() + b"\x00", "undecodable: value has something after"),
    "null at the top": (b"null", "undecodable: value is JSON, but not an object"),
    "an array at the top": (b"[{}]", "undecodable: value is JSON, but not an object"),
    "a scalar at the top": (b'"T-1"', "undecodable: value is JSON, but not an object"),
    "a key twice": (ticket_with('"title": "b"'), "undecodable: value has the same key twice"),
    "a key twice, once escaped": (
        ticket_with(r'"titl\u0065": "b"'),
        "undecodable: value has the same key twice",
    ),
    "a key twice, deep inside": (
        ticket_with('"anything": [{"a": 1, "a": 1}]'),
        "undecodable: value has the same key twice",
    ),
    "NaN": (ticket_with('"hours": NaN'), "undecodable: value has NaN or Infinity at line 1"),
    "Infinity": (ticket_with('"hours": Infinity'), "undecodable: value has NaN or Infinity"),
    "-Infinity": (ticket_with('"hours": -Infinity'), "undecodable: value has NaN or Infinity"),
    "a float that overflows": (
        ticket_with('"hours": 1e999'),
        "undecodable: value has a number too",
    ),
    "it overflows below zero": (ticket_with('"x": -1e999'), "undecodable: value has a number too"),
    "it overflows deep inside": (
        ticket_with('"anything": [{"a": [1e999]}]'),
        "undecodable: value has a number too large",
    ),
    "it overflows by its digits": (
        ticket_with('"hours": ' + "9" * 400 + ".0"),
        "undecodable: value has a number too large",
    ),
    "an integer of thousands of digits": (
        ticket_with('"views": ' + "9" * 5000),
        "undecodable: value has a number of thousands of digits",
    ),
    "65 levels deep": (nested(65), "undecodable: value is nested more than 64 levels deep"),
    "deeper than the parser goes": (nested(300), "undecodable: value is nested more than 64"),
    "100,000 open brackets": (b"[" * 100_000, "undecodable: value is nested more than 64 levels"),
    "a lone surrogate": (ticket(anything="\ud800"), "undecodable: value has a lone surrogate"),
    "a lone low surrogate": (ticket(anything="\udc00"), "undecodable: value has a lone surrogate"),
    "a lone surrogate as key": (
        ticket_with(r'"\ud800x": 1'),
        "undecodable: value has a lone surrogate",
    ),
    "a bare control character": (ticket_with('"x": "\x01"'), "undecodable: value is not JSON"),
    "a comment": (ticket() + b"// no", "undecodable: value has something after"),
    "a trailing comma": (b'{"a": 1,}', "undecodable: value is not JSON"),
    "an integer out of the parameter's range": (
        ticket(views=2**64),
        "unmappable: open_ticket raised ValidationError: views: Input should be less than",
    ),
    "a float for an integer": (
        ticket(views=1.5),
        "invalid: views: Input should be a valid integer",
    ),
    "a whole float for an integer": (
        ticket_with('"views": 1.0'),
        "invalid: views: Input should be",
    ),
    "a bool for an integer": (
        ticket(views=True),
        "invalid: views: Input should be a valid integer",
    ),
    "a string for an integer": (ticket(views="1"), "invalid: views: Input should be a valid int"),
    "a string for a bool": (ticket(urgent="true"), "invalid: urgent: Input should be a valid bool"),
    "a number for a bool": (ticket(urgent=1), "invalid: urgent: Input should be a valid boolean"),
    "a number for a string": (ticket(title=5), "invalid: title: Input should be a valid string"),
    "a key that only looks alike": (
        ticket().replace(b'"title"', '"t\u0456tle"'.encode()),
        "invalid: title: Field required",
    ),
    "a time that UTC does not have": (
        ticket(opened_at="9999-12-31T23:59:59-23:59"),
        "unmappable: open_ticket raised ",
    ),
    "a time without its zone": (
        ticket(opened_at="2024-05-01T10:00:00"),
        "invalid: opened_at: Input should have timezone info",
    ),
}

NEAR_MISSES = {
    "spaces and newlines around": b" \r\n\t" + ticket() + b"\n ",
    "unknown fields": ticket(colour="red", nested={"a": [None]}),
    "keys and values beyond ASCII": ticket_with('"schl\u00fcssel": "\u00e4 \U0001f600"'),
    "a surrogate pair, escaped": ticket_with(r'"anything": "\ud83d\ude00"'),
    "NUL and control characters, escaped": ticket(title="a\x00b\x1f"),
    "64 levels deep": nested(64),
    "an unknown integer beyond 64 bits": ticket(anything=2**80),
    "the largest double": ticket(hours=1.7976931348623157e308),
    "a number that underflows": ticket_with('"hours": 1e-999'),
    "an integer for a float": ticket(hours=1),
    "minus zero": ticket_with('"views": -0'),
    "a decimal as string": ticket(price="12345678901234567.89"),
}


@pytest.mark.parametrize(("value", "expected"), VALUES.values(), ids=VALUES)
def test_a_malformed_value_is_dead_lettered_with_its_own_detail(
    value: bytes | None, expected: str
) -> None:
    found = disposition(replace(record(), value=value))

    assert found.startswith(expected)


@pytest.mark.parametrize("value", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_a_value_that_is_merely_unusual_is_applied(value: bytes) -> None:
    assert disposition(record(value)) == "applied"
