"""Whatever an owner's function does, its record has an answer, and the answer quotes no value."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from consumer.contracts import Action, Ask, Ignored, Meta, ask, ignore
from consumer.errors import Rejected
from consumer.model import Call, Envelope, PlainRecord, Prepared, Repeat
from consumer.stages.mapping import meta_of
from tests.stages.helpdesk import OPENED, binary, record, ticket
from tests.stages.routes import CANARY, CreateTicket, Ticket, create, outcome, refusal


class CloseTicket(Action, api_name="close-ticket"):
    ticket_id: str


class Stranger(Action, api_name="delete-everything"):
    ticket_id: str


def lane(given: PlainRecord, **route: Any) -> Hashable | None:
    found = outcome(create, given, **route)
    assert isinstance(found, Prepared), found
    return found.lane


def test_one_action_becomes_one_call() -> None:
    found = outcome(create)

    assert isinstance(found, Prepared)
    assert found.calls == (Call(CreateTicket.action_type, b'{"ticket_id":"T-1"}'),)
    assert found.repeat is Repeat.SAFE


def test_several_actions_become_calls_in_their_order() -> None:
    def both(event: Ticket) -> list[CreateTicket | CloseTicket]:
        return [CloseTicket(ticket_id="1"), CreateTicket(ticket_id="2")]

    found = outcome(both)

    assert isinstance(found, Prepared)
    assert [call.action.name for call in found.calls] == ["close-ticket", "create-ticket"]


def test_an_event_that_needs_nothing_is_ignored_under_the_owners_words_and_its_type() -> None:
    def nothing(event: Ticket) -> CreateTicket | Ignored:
        return ignore("not ours")

    assert outcome(nothing) == Ignored("not ours", OPENED)


# What follows lies about its return type: annotations bind nobody at run time.


def raising(event: Ticket) -> CreateTicket:
    raise LookupError(event.title)


def exiting(event: Ticket) -> CreateTicket:
    raise SystemExit(event.title)


def rejecting(event: Ticket) -> CreateTicket:
    raise Rejected("undecodable", event.title, stage="decode")


def endless(event: Ticket) -> CreateTicket:
    return endless(event)


def unfit(event: Ticket) -> CreateTicket:
    return CreateTicket(ticket_id=5)  # type: ignore[arg-type]  # a wrong parameter is the point


def unwritable(event: Ticket) -> CreateTicket:
    return CreateTicket.model_construct(ticket_id="\ud800")


def returning(thing: object) -> Callable[[Ticket], CreateTicket]:
    def function(event: Ticket) -> CreateTicket:
        return thing  # type: ignore[return-value]  # a lie is the point

    function.__qualname__ = "function"
    return function


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "it raises": (raising, "raising raised LookupError"),
    "it ends the process": (exiting, "exiting raised SystemExit"),
    "it raises one of ours": (rejecting, "rejecting raised Rejected"),
    "it never ends": (endless, "endless raised RecursionError"),
    "an action's parameter is wrong": (
        unfit,
        "unfit raised ValidationError: ticket_id: Input should be a valid string",
    ),
    "a parameter that JSON cannot hold": (unwritable, "unwritable raised "),
    "None": (returning(None), "function returned NoneType, which is neither an action nor"),
    "a text": (returning(CANARY), "function returned str, which is neither an action nor"),
    "a mapping": (returning({"a": 1}), "function returned dict, which is neither an action nor"),
    "a generator": (returning(iter([])), "function returned list_iterator, which is neither"),
    "an empty list": (
        returning([]),
        'function returned no action; where none is needed, return ignore("why")',
    ),
    "a list with a stranger": (
        returning([CreateTicket(ticket_id="1"), CANARY]),
        "function returned a sequence with str, which is not an action",
    ),
    "a list with an ignore": (
        returning([ignore("x")]),
        "function returned a sequence with Ignored, which is not an action",
    ),
    "an undeclared action": (
        returning(Stranger(ticket_id="1")),
        "function returned Stranger, which its annotation does not name",
    ),
    "an undeclared action in a list": (
        returning([CreateTicket(ticket_id="1"), Stranger(ticket_id="1")]),
        "function returned Stranger, which its annotation does not name",
    ),
}


@pytest.mark.parametrize(("function", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_sent_is_unmappable(function: Callable[..., Any], expected: str) -> None:
    found = refusal(function)

    assert found.startswith(expected)


def test_what_a_function_raises_is_found_by_its_line() -> None:
    """In the file of the function, however deep in others' code it was raised."""

    def borrowed(event: Ticket) -> CreateTicket:
        return CreateTicket(ticket_id=Decimal(event.title))  # type: ignore[arg-type]  # raises

    line = borrowed.__code__.co_firstlineno + 1
    found = refusal(borrowed)

    assert found.endswith(f"borrowed raised InvalidOperation at stages/test_mapping.py:{line}")


@pytest.mark.parametrize(
    ("repeat", "name"), [("never", "never"), (ask("Ticket", key="ticket_id"), "ask")]
)
def test_several_actions_are_refused_where_a_repeat_harms(
    repeat: str | Ask[Any], name: str
) -> None:
    """Annotations forbid it at import; a function that lies must not get through either."""
    two = [CreateTicket(ticket_id="1"), CreateTicket(ticket_id="2")]

    found = refusal(returning(two), repeat=repeat)

    assert found == f'function returned several actions, but repeat is "{name}"'


def test_order_by_decides_the_lane_and_the_topic_bounds_it() -> None:
    assert lane(record(), order_by="ticket_id") == ("tickets", "T-1")
    assert lane(record(key=None), order_by=lambda e: (e.ticket_id, 1)) == (
        "tickets",
        ("T-1", 1),
    )


def test_without_order_by_the_key_decides_and_without_a_key_nothing() -> None:
    assert lane(record(key=b"\xff")) == ("tickets", "key", b"\xff")
    assert lane(record(key=b"")) == ("tickets", "key", b"")
    assert lane(record(key=None)) is None


def test_a_key_and_an_order_by_value_never_meet_in_one_lane() -> None:
    assert lane(record(key=b"a")) != lane(record(), order_by=lambda _: b"a")


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0.0, -0.0)])
def test_equal_values_share_a_lane_and_are_never_split(one: Hashable, other: Hashable) -> None:
    first = lane(record(), order_by=lambda _: one)
    second = lane(record(), order_by=lambda _: other)

    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([CANARY], "create order_by raised TypeError"),
        (float("nan"), "create order_by gave a value that does not equal itself"),
    ],
)
def test_what_cannot_be_a_lane_is_unmappable(value: Any, expected: str) -> None:
    assert refusal(create, order_by=lambda _: value) == expected


def test_an_order_by_that_raises_is_unmappable() -> None:
    def order(event: Ticket) -> str:
        raise KeyError(event.title)

    assert refusal(create, order_by=order) == "create order_by raised KeyError"


def test_a_route_that_asks_knows_how_to_read_back() -> None:
    found = outcome(create, repeat=ask("Ticket", key="ticket_id"))

    assert isinstance(found, Prepared)
    assert found.lookup is not None
    assert (found.lookup.object_type, found.lookup.key) == ("Ticket", "T-1")
    assert found.lookup.applied({"ticket_id": "T-1"})
    assert not found.lookup.applied(None)


def test_an_ask_that_raises_is_unmappable() -> None:
    found = refusal(create, repeat=ask("Ticket", where={"title": lambda event: event.missing}))

    assert found == "create ask raised AttributeError"


def test_a_function_that_declares_meta_is_given_the_records_own() -> None:
    seen: list[Meta] = []

    def noting(event: Ticket, *, about: Meta) -> CreateTicket:
        seen.append(about)
        return create(event)

    given = record(headers=binary(time=b"2024-05-01T10:00:00+02:00", subject=b"s"))
    outcome(noting, given)

    assert seen == [
        Meta(
            id="e-1",
            type=OPENED,
            topic="tickets",
            partition=3,
            offset=42,
            timestamp=1_714_550_400_000,
            source="/helpdesk",
            time=datetime(2024, 5, 1, 8, tzinfo=UTC),
            subject="s",
            key=b"T-1",
            headers=given.headers,
        )
    ]


@pytest.mark.parametrize("timestamp", [-1, 0, 2**63 - 1, -(2**63)])
def test_a_timestamp_that_is_no_date_reaches_meta_as_it_is(timestamp: int) -> None:
    given = replace(record(), timestamp=timestamp)

    assert meta_of(given, Envelope("e-1", "t", b"{}")).timestamp == timestamp


def several(event: Ticket) -> Sequence[CreateTicket]:
    return [CreateTicket(ticket_id="1" * 1000), CreateTicket(ticket_id="2" * 1000)]


def test_the_size_counts_what_is_kept_in_memory() -> None:
    small = outcome(several, record(headers=binary()))
    large = outcome(several, record(headers=[*binary(), ("x" * 100, b"y" * 900)]))

    assert isinstance(small, Prepared)
    assert isinstance(large, Prepared)
    assert small.size >= 2000 + len(ticket()) + len(b"T-1")
    assert large.size - small.size >= 1000
