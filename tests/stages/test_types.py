"""The event type is found where the contract says, and nowhere else."""

from __future__ import annotations

import pytest

from consumer.model import Headers
from tests.stages.helpdesk import OPENED, disposition, prepared, record, ticket

KIND = [("kind", OPENED.encode())]


def test_a_header_names_the_type() -> None:
    found = prepared(record(headers=KIND, topic="by-header"))

    assert (found.event_type, found.event_id) == (OPENED, "by-header/3/42")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "undecodable: header kind, which names the type, is missing"),
        ([("kind", None)], "undecodable: header kind, which names the type, is missing"),
        ([("Kind", b"x")], "undecodable: header kind, which names the type, is missing"),
        ([("kind", b"")], "undecodable: header kind is empty"),
        ([("kind", b"\xff")], "undecodable: header kind is not UTF-8"),
        ([*KIND, ("kind", b"x")], "undecodable: header kind occurs twice, with different values"),
        ([*KIND, ("content-type", b"text/csv")], "undecodable: header content-type is not JSON"),
        ([("kind", b"x")], "unknown_type: type 'x' has no route on this topic"),
        ([*KIND, *KIND], "applied"),
        ([*KIND, ("x", b"1"), ("x", b"2")], "applied"),
        ([*KIND, ("content-type", b"application/json")], "applied"),
    ],
)
def test_the_header_must_be_there_once_and_readable(headers: Headers, expected: str) -> None:
    assert disposition(record(headers=headers, topic="by-header")) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ticket(kind=OPENED), "applied"),
        (ticket(), "undecodable: field kind, which names the type, is missing or not a string"),
        (
            ticket(kind=None),
            "undecodable: field kind, which names the type, is missing or not a string",
        ),
        (
            ticket(kind=[]),
            "undecodable: field kind, which names the type, is missing or not a string",
        ),
        (ticket(kind=""), "undecodable: field kind is empty"),
        (ticket(kind="x" * 2049), "undecodable: field kind has more than 2048 characters"),
        (ticket(anything={"kind": OPENED}), "undecodable: field kind, which names the type, is"),
        (ticket(kind="x"), "unknown_type: type 'x' has no route on this topic"),
    ],
)
def test_a_top_level_field_names_the_type(value: bytes, expected: str) -> None:
    assert disposition(record(value, [], topic="by-field")).startswith(expected)


def test_a_constant_needs_nothing_of_the_record() -> None:
    found = prepared(record(headers=[], topic="by-constant"))

    assert (found.event_type, found.event_id) == (OPENED, "by-constant/3/42")


def test_an_unknown_type_is_named_bounded_and_without_a_character_that_forges_log_lines() -> None:
    name = "x\u2028" + "y" * 500

    found = disposition(record(ticket(kind=name), [], topic="by-field"))

    assert found == f"unknown_type: type 'x\\u2028{'y' * 98}...' has no route on this topic"
