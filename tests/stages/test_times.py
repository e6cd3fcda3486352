"""A time of an event is an ISO text: digits alone would be seconds since 1970, which nobody meant."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import AwareDatetime, FutureDatetime, NaiveDatetime

from consumer.contracts import Event
from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.validate import validate


class Inner(Event):
    at: AwareDatetime


class Visit(Event):
    at: AwareDatetime | None = None
    day: date | None = None
    local: NaiveDatetime | None = None
    later: FutureDatetime | None = None
    all: tuple[Inner, ...] = ()
    either: datetime | str | None = None


def visit(text: str) -> Visit:
    event = validate(Envelope("1", "t", text.encode(), None), Visit)
    assert isinstance(event, Visit)
    return event


@pytest.mark.parametrize(
    "number", ["2026", "20260101", "1700000000", "1700000000000", "-1", "0", "1.5"]
)
@pytest.mark.parametrize("place", ["at", "day", "local", "later", "all.0.at"])
def test_a_text_of_digits_is_no_time(number: str, place: str) -> None:
    """The text "20260101" would be sent to Foundry as 1970-08-23T11:48:21Z, without a word."""
    value = f'[{{"at": "{number}"}}]' if place.startswith("all") else f'"{number}"'

    with pytest.raises(
        Rejected, match=f"^invalid: {place}: Input should be a valid date"
    ) as refused:
        visit(f'{{"{place.partition(".")[0]}": {value}}}')

    assert f"{number}," not in str(refused.value)


@pytest.mark.parametrize(
    ("place", "given"),
    [
        ("at", "1700000000"),
        ("at", "true"),
        ("at", "[]"),
        ("at", '"2026-01-01"'),
        ("at", '"2026-01-01T00:00:00"'),
        ("at", '"2026-02-30T00:00:00Z"'),
        ("local", '"2026-01-01"'),
        ("day", "20260101"),
        ("day", '"2026-01-01T00:00:00"'),
        ("day", '"2026-13-01"'),
        ("later", '"2020-01-01T00:00:00Z"'),
    ],
)
def test_what_was_refused_before_is_refused(place: str, given: str) -> None:
    with pytest.raises(Rejected, match=f"^invalid: {place}: Input should "):
        visit(f'{{"{place}": {given}}}')


def test_iso_texts_are_read_as_ever() -> None:
    event = visit(
        '{"at": "2026-01-01T01:00:00.5+01:00", "day": "2026-01-01", "local": "2026-01-01 00:00:00",'
        ' "all": [{"at": "2026-01-01T00:00Z"}], "either": "20260101"}'
    )

    assert event.at == datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert event.day == date(2026, 1, 1)
    assert event.local == datetime(2026, 1, 1)  # noqa: DTZ001 - as it is written
    assert event.all[0].at == datetime(2026, 1, 1, tzinfo=UTC)
    assert event.either == "20260101"


def test_an_event_made_in_python_takes_what_it_took() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    assert Visit(at=moment, day=moment.date()).at == moment
    with pytest.raises(ValueError, match="valid datetime"):
        Visit(at="2026-01-01T00:00:00Z")  # type: ignore[arg-type]  # what is refused


def test_the_published_schema_is_as_before() -> None:
    properties = Visit.model_json_schema()["properties"]

    assert {"format": "date-time", "type": "string"} in properties["at"]["anyOf"]
    assert {"format": "date", "type": "string"} in properties["day"]["anyOf"]
