"""What has a name of its own (a typed dictionary or tuple, a named type) is read as literally as the event around it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple, NotRequired

import pytest
from pydantic import AwareDatetime
from typing_extensions import TypeAliasType, TypedDict

from consumer.contracts import Event
from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.validate import validate

LONG = "12345678901234567890.12"


class Line(TypedDict):
    price: Decimal
    at: AwareDatetime
    below: NotRequired[list[Line]]


class Span(NamedTuple):
    price: Decimal
    at: AwareDatetime


Price = TypeAliasType("Price", Decimal)
At = TypeAliasType("At", AwareDatetime)


class InADictionary(Event):
    line: Line


class InDictionaries(Event):
    lines: tuple[Line, ...]
    last: Line | None = None


class InATuple(Event):
    span: Span


class Named(Event):
    price: Price
    at: At


class Nested(Event):
    inner: InADictionary
    line: Line


def line(price: str, at: str) -> str:
    return f'{{"price": {price}, "at": {at}}}'


def events(price: str, at: str) -> dict[type[Event], str]:
    one = line(price, at)
    return {
        InADictionary: f'{{"line": {{"price": 1, "at": "2026-01-01T00:00:00Z", "below": [{one}]}}}}',
        InDictionaries: f'{{"lines": [{one}], "last": {one}}}',
        InATuple: f'{{"span": [{price}, {at}]}}',
        Named: one,
        Nested: f'{{"inner": {{"line": {one}}}, "line": {one}}}',
    }


def read(model: type[Event], text: str) -> Any:
    return validate(Envelope("1", "t", text.encode()), model)


@pytest.mark.parametrize("model", events("", ""))
def test_a_decimal_is_taken_as_it_stands_and_a_time_too(model: type[Event]) -> None:
    """By way of a double the amount would be sent as 12345678901234567000."""
    event = read(model, events(LONG, '"2026-01-01T00:00:00Z"')[model])

    said = repr(event)
    assert f"Decimal('{LONG}')" in said
    assert "datetime.datetime(2026, 1, 1, 0, 0, tz" in said


@pytest.mark.parametrize("model", events("", ""))
def test_a_text_of_digits_is_no_time(model: type[Event]) -> None:
    """It would be sent as 1970-08-23T11:48:21Z."""
    with pytest.raises(Rejected, match="valid datetime"):
        read(model, events("1", '"20260101"')[model])


def test_what_is_named_is_published_as_before() -> None:
    schema = Named.model_json_schema()

    assert schema["$defs"]["At"] == {"format": "date-time", "type": "string"}
    assert {kind["type"] for kind in schema["$defs"]["Price"]["anyOf"]} == {"number", "string"}
    assert schema["properties"] == {
        "price": {"$ref": "#/$defs/Price"},
        "at": {"$ref": "#/$defs/At"},
    }
