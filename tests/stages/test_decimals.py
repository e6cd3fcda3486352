"""A decimal of an event is the number that the publisher wrote, digit by digit, or it is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated

import pytest
from pydantic import BeforeValidator, Field

from consumer.contracts import Event
from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.validate import validate


class Line(Event):
    price: Decimal
    weight: float | None = None


class Order(Event):
    total: Annotated[Decimal, Field(max_digits=30)] | None = None
    lines: tuple[Line, ...] = ()
    halves: Annotated[Decimal, BeforeValidator(lambda given: given / 2)] | None = None
    inner: Order | None = None


def order(text: str, *, enclosed: bool = False) -> Order:
    if enclosed:
        text = f'{{"data": {text}}}'
    event = validate(Envelope("1", "t", text.encode(), None, enclosed=enclosed), Order)
    assert isinstance(event, Order)
    return event


@pytest.mark.parametrize("enclosed", [False, True])
@pytest.mark.parametrize(
    "number",
    [
        "12345678901234567890.12",
        "100000000000000000.01",
        "0.1000000000000000055",
        "1.234567890123456789e5",
        "-9007199254740993.0",
    ],
)
def test_a_number_with_more_digits_than_a_double_keeps_is_taken_as_it_stands(
    number: str, *, enclosed: bool
) -> None:
    """By way of a double 12345678901234567890.12 would be sent as 12345678901234567000."""
    event = order(
        f'{{"lines": [{{"price": {number}}}], "inner": {{"total": {number}}}}}', enclosed=enclosed
    )

    assert event.lines[0].price == Decimal(number)
    assert event.inner is not None
    assert event.inner.total == Decimal(number)


@pytest.mark.parametrize("number", ["1e-400", "1.2345E-320", "0.0000012e-0315"])
def test_a_number_near_nought_is_taken_as_it_stands(number: str) -> None:
    """There a double keeps fewer digits, and in the end none: 1e-400 would be sent as 0."""
    assert order(f'{{"lines": [{{"price": {number}}}]}}').lines[0].price == Decimal(number)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("1.10", "1.1"),
        ("1e2", "100"),
        ("100.0", "100"),
        ("5", "5"),
        ('"1.10"', "1.10"),
        ("12345678901234567890123", "12345678901234567890123"),
    ],
)
def test_shorter_numbers_and_texts_are_read_as_ever(given: str, read: str) -> None:
    assert str(order(f'{{"total": {given}}}').total) == read


def test_a_double_beside_it_stays_a_double() -> None:
    event = order('{"lines": [{"price": 0.30000000000000004, "weight": 0.30000000000000004}]}')

    assert str(event.lines[0].price) == "0.30000000000000004"
    assert event.lines[0].weight == 0.1 + 0.2


def test_numbers_that_one_double_stands_for_are_refused_rather_than_guessed() -> None:
    lines = '{"price": 12345678901234567890.12}, {"price": 12345678901234567890.13}'

    with pytest.raises(
        Rejected, match=r"lines\.0\.price: Decimal input should have no more than 15"
    ) as refused:
        order(f'{{"lines": [{lines}]}}')

    assert refused.value.reason == "invalid"
    assert "1234567890" not in str(refused.value)


def test_what_an_owners_validator_makes_of_a_number_counts() -> None:
    assert order('{"halves": 1.5, "total": 12345678901234567890.12}').halves == Decimal("0.75")


@pytest.mark.parametrize(
    "given",
    ["true", "null", "[1]", "{}", '"x"', '"NaN"', '""', '"1_000"', '" 1"', '"1\\n"', '"\u0661"'],
)
def test_what_is_no_decimal_is_refused(given: str) -> None:
    with pytest.raises(Rejected, match=r"lines\.0\.price: "):
        order(f'{{"lines": [{{"price": {given}}}]}}')


def test_an_event_made_in_python_is_as_strict_as_before() -> None:
    with pytest.raises(ValueError, match="instance of Decimal"):
        Line(price="1.5")  # type: ignore[arg-type]  # what is refused


def test_a_decimal_is_published_as_before() -> None:
    price = Line.model_json_schema()["properties"]["price"]

    assert {kind["type"] for kind in price["anyOf"]} == {"number", "string"}
    assert "function" not in json.dumps(Line.model_json_schema())


@pytest.mark.parametrize(
    "given",
    [
        '"1E+1000"',
        '"1e99999999"',
        '"1E-99999999"',
        '"1e+9_999_999"',
        "1.234567890123456789e-99999999",
        "1.234567890123456789e-99999999999999999999",
    ],
)
def test_a_number_that_nobody_could_write_out_is_refused(given: str) -> None:
    """`int(event.price)` of 1E+99999999 computes for minutes: the process would be ended for it, and so would the next one."""
    with pytest.raises(Rejected, match=r"^invalid: lines\.0\.price: Decimal input should have no"):
        order(f'{{"lines": [{{"price": {given}}}]}}')


def test_a_number_without_end_beside_them_is_nobodys_fault() -> None:
    event = order('{"total": 1.5, "other": 1.234567890123456789e-99999999999999999999}')

    assert event.total == Decimal("1.5")
