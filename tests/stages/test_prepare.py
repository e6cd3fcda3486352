"""Every record has exactly one disposition, whatever its bytes; and no letter repeats what it says."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import example, given, strategies as st

from consumer.errors import Reason, Rejected
from consumer.model import Headers, Ignored, PlainRecord, Prepared, Unreadable
from consumer.pipeline import make_prepare
from consumer.stages.headers import Caps
from tests.stages.helpdesk import (
    OPENED,
    STRICT,
    TICKET,
    binary,
    enclosed,
    parameters,
    prepare,
    prepared,
    record,
    structured,
    ticket,
    tickets,
)

CANARY = "canary"

topics = st.sampled_from(["tickets", "by-header", "by-field", "by-constant", "elsewhere"])
names = st.one_of(
    st.sampled_from([name for name, _ in binary(time=b"", subject=b"")]),
    st.sampled_from(["content-type", "kind"]),
    st.text(max_size=5),
)
contents = st.one_of(
    st.none(),
    st.binary(max_size=20),
    st.sampled_from(
        [
            *[b"1.0", OPENED.encode(), STRICT.encode(), b"/helpdesk", b"application/json"],
            *[b"application/cloudevents+json", b"2024-05-01T10:00:00Z"],
            b"9999-12-31T23:59:59-23:59",
        ]
    ),
)
# Mostly the headers of an event, with some put over them: wholly arbitrary ones never get far.
headers = st.builds(
    lambda start, more: [*start, *more],
    st.sampled_from([[], binary(), [("content-type", b"application/cloudevents+json")]]),
    st.lists(st.tuples(names, contents), max_size=5),
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(CANARY)
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(
    [*TICKET, "views", "hours", "urgent", "price", "labels", "anything", "kind"]
)
events = st.dictionaries(fields, trees, max_size=5).map(lambda changes: {**TICKET, **changes})
texts = st.one_of(
    events.map(lambda event: json.dumps(event).encode()),
    st.builds(
        lambda event, more: enclosed(event, **more),
        events,
        st.dictionaries(
            st.sampled_from(["id", "source", "type", "time", "specversion", "data_base64"]),
            trees,
            max_size=2,
        ),
    ),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A text with a piece of it replaced by other bytes."""
    text = draw(texts)
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 5)))
    return text[:start] + draw(st.binary(max_size=5)) + text[end:]


values = st.one_of(st.none(), st.binary(max_size=50), texts, damaged())


def assert_fit(found: Prepared | Ignored | Rejected) -> None:
    match found:
        case Prepared():
            assert found.calls
            assert found.event_id
            assert found.size > 0
        case Ignored():
            assert found.why
        case Rejected():
            assert found.reason in get_args(Reason)
            assert 0 < len(found.detail) <= 1200
            # Nothing hangs on it that could bring the event into a log or keep it in memory.
            assert found.__context__ is None
            assert found.__traceback__ is None


@given(topic=topics, value=values, headers=headers, key=st.none() | st.binary(max_size=5))
@example(topic="tickets", value=b'{"a":' * 100_000, headers=binary(), key=None)
@example(topic="by-constant", value=b"[" * 100_000, headers=[], key=None)
def test_every_record_has_one_disposition(
    topic: str, value: bytes | None, headers: Headers, key: bytes | None
) -> None:
    assert_fit(prepare(PlainRecord(topic, 0, 1, key=key, value=value, headers=headers)))


@given(
    event=st.dictionaries(fields, trees, max_size=5),
    kind=st.sampled_from([OPENED, STRICT]),
    cut=st.none() | st.integers(0, 300),
)
def test_no_letter_repeats_a_value_of_the_event(
    event: dict[str, Any], kind: str, cut: int | None
) -> None:
    planted = dict.fromkeys(TICKET, CANARY) | {"labels": {CANARY: CANARY}} | event
    given_records = [
        record(json.dumps(planted).encode()[:cut], binary(type=kind.encode())),
        structured(enclosed(planted, type=kind)[:cut]),
    ]

    for given_record in given_records:
        found = prepare(given_record)
        if isinstance(found, Rejected):
            assert CANARY not in found.detail


@pytest.mark.parametrize(
    "value",
    [
        b'{"canary": 1, "canary": 2}',
        b'{"a": canary}',
        b'{"a": "canary"} canary',
        b'"canary"',
        json.dumps({**TICKET, "views": CANARY, "labels": {CANARY: "x"}}).encode(),
        json.dumps({**TICKET, "views": 10**30, "title": CANARY}).encode(),
    ],
)
def test_a_letter_about_a_canary_does_not_sing(value: bytes) -> None:
    found = prepare(record(value))

    assert isinstance(found, Rejected)
    assert CANARY not in found.detail
    assert str(10**30) not in found.detail


def test_preparing_again_gives_the_same() -> None:
    first, second = prepared(record()), prepared(record())

    assert (first.calls, first.lane, first.size) == (second.calls, second.lane, second.size)


def test_a_rejection_names_its_stage_and_the_type_as_far_as_they_are_known() -> None:
    found = [
        prepare(given)
        for given in (
            Unreadable("tickets", 0, 7, "why"),
            record(b""),
            record(headers=binary(type=b"x")),
            record(b"{}"),
            record(headers=binary(source=b"/crm")),
            record(ticket(views=2**64)),
        )
    ]

    assert [(r.stage, r.event_type) for r in found if isinstance(r, Rejected)] == [
        ("read", None),
        ("decode", None),
        ("route", "x"),
        ("validate", OPENED),
        ("authorise", OPENED),
        ("map", OPENED),
    ]


def test_the_field_that_names_the_type_is_no_unknown_one() -> None:
    """The contract knows it; counted, each event would look like a publisher's change."""
    assert prepared(record(ticket(kind=OPENED), [], topic="by-field")).unknown_fields == 0
    assert prepared(record(ticket(kind=OPENED, new=1), [], topic="by-field")).unknown_fields == 1


def test_unknown_fields_are_counted_in_both_modes() -> None:
    event = {**TICKET, "colour": "red", "size": 5}

    assert prepared(record(json.dumps(event).encode())).unknown_fields == 2
    assert prepared(structured(enclosed(event))).unknown_fields == 2
    assert prepared(record()).unknown_fields == 0


def test_an_integer_and_a_time_reach_the_action_as_they_were_published() -> None:
    given_record = record(ticket(views=2**63 - 1, opened_at="2024-05-01T12:00:00.000001+02:00"))

    found = parameters(given_record)

    assert found["views"] == "9223372036854775807"
    assert found["opened_at"] == "2024-05-01T10:00:00.000001Z"


def test_limits_are_the_operators_and_hold_at_the_last_byte() -> None:
    exact = Caps(
        value_bytes=len(ticket()),
        key_bytes=len(record().key or b""),
        headers=4,
        header_bytes=sum(len(name) + len(value or b"") for name, value in binary()),
    )
    tight = [
        Caps(value_bytes=exact.value_bytes - 1),
        Caps(key_bytes=exact.key_bytes - 1),
        Caps(headers=3),
        Caps(header_bytes=exact.header_bytes - 1),
    ]

    assert isinstance(make_prepare({"tickets": tickets}, exact)(record()), Prepared)
    for caps in tight:
        assert isinstance(make_prepare({"tickets": tickets}, caps)(record()), Rejected)


def test_what_an_operator_had_passed_over_is_skipped_and_not_unreadable() -> None:
    skipped = Unreadable("tickets", 0, 7, "spoilt", skipped=True)

    rejected = make_prepare({"tickets": tickets})(skipped)

    assert isinstance(rejected, Rejected)
    assert (rejected.reason, rejected.detail, rejected.stage) == ("skipped", "spoilt", "read")
