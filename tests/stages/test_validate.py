"""A refusal says where and what; it never repeats a value, whatever the model's validators say."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    AnyUrl,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ErrorType

from consumer.contracts import Event
from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.validate import describe, validate

CANARY = "canary"


class Colour(Enum):
    RED = "red"


class Cat(Event):
    kind: Literal["cat"]


class Dog(Event):
    kind: Literal["dog"]


# What pydantic fills into its messages from the model.
COUNTS = (
    "ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "actual_length",
    "max_digits", "decimal_places", "whole_digits", "expected_version",
)  # fmt: skip
WORDS = (
    "attribute", "class", "class_name", "discriminator", "encoding", "expected", "expected_schemes",
    "expected_tags", "field_type", "method_name", "pattern",
)  # fmt: skip
# Their blank is one of a few sentences of pydantic's own.
FIXED_SENTENCES = {
    "date_from_datetime_parsing", "date_parsing", "datetime_from_date_parsing",
    "datetime_parsing", "time_delta_parsing", "time_parsing",
}  # fmt: skip


def by_message(value: str) -> str:
    raise ValueError(f"no such thing as {value}")


def by_assertion(value: str) -> str:
    assert value == "good", f"{value} is bad"
    return value


def by_code(value: str) -> str:
    raise PydanticCustomError("bad_thing", "bad thing: {value}", {"value": value})


def breaking(value: str) -> str:
    raise ZeroDivisionError(value)


class Everything(Event):
    number: int | None = None
    small: Annotated[int, Field(lt=5)] | None = None
    text: Annotated[str, Field(max_length=3)] | None = None
    pattern: Annotated[str, Field(pattern="^a+$")] | None = None
    choice: Literal["low", "high"] | None = None
    colour: Colour | None = None
    when: datetime | None = None
    lasts: timedelta | None = None
    id: UUID | None = None
    url: AnyUrl | None = None
    address: IPv4Address | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    either: int | bool | None = None
    counts: dict[str, int] | None = None
    by_address: dict[IPv4Address, int] | None = None
    items: list[Annotated[str, Field(max_length=3)]] | None = None
    raw: bytes | None = None
    quoting: Annotated[str, AfterValidator(by_message)] | None = None
    asserted: Annotated[str, AfterValidator(by_assertion)] | None = None
    coded: Annotated[str, AfterValidator(by_code)] | None = None


def refusal(model: type[Event], event: object, *, enclosed: bool = False) -> str:
    text = json.dumps({"data": event} if enclosed else event).encode()
    with pytest.raises(Rejected) as caught:
        validate(Envelope("e-1", "t", text, enclosed=enclosed), model)
    assert caught.value.reason == "invalid"
    # Nothing hangs on the error that could bring the event into a log or keep it in memory.
    assert caught.value.__context__ is None
    return caught.value.detail


SAID = {
    "number": ({"number": CANARY}, "number: Input should be a valid integer"),
    "bound": ({"small": 12345678}, "small: Input should be less than 5"),
    "length": ({"text": CANARY}, "text: String should have at most 3 characters"),
    "pattern": ({"pattern": CANARY}, "pattern: String should match pattern '^a+$'"),
    "literal": ({"choice": CANARY}, "choice: Input should be 'low' or 'high'"),
    "enum": ({"colour": CANARY}, "colour: Input should be 'red'"),
    "datetime": (
        {"when": CANARY},
        "when: Input should be a valid datetime, it is not YYYY-MM-DDThh:mm:ss",
    ),
    "duration": ({"lasts": CANARY}, "lasts: Input should be a valid duration"),
    "uuid": ({"id": CANARY}, "id: uuid_parsing"),
    "url": ({"url": CANARY}, "url: url_parsing"),
    "address": ({"address": CANARY}, "address: value_error"),
    "tag": ({"pet": {"kind": CANARY}}, "pet: union_tag_invalid"),
    "union": ({"either": CANARY}, "either.*: Input should be a valid integer; either.*: Input"),
    "map's value": ({"counts": {CANARY: "x"}}, "counts.*: Input should be a valid integer"),
    "map's key": ({"by_address": {CANARY: 1}}, "by_address.*.*: value_error"),
    "item": ({"items": ["a", CANARY]}, "items.1: String should have at most 3 characters"),
    "ValueError": ({"quoting": CANARY}, "quoting: value_error"),
    "assertion": ({"asserted": CANARY}, "asserted: assertion_error"),
    "custom error": ({"coded": CANARY}, "coded: bad_thing"),
}


@pytest.mark.parametrize(("event", "expected"), SAID.values(), ids=SAID)
def test_a_refusal_says_where_and_what_and_no_value(event: dict[str, Any], expected: str) -> None:
    detail = refusal(Everything, event)

    assert detail.startswith(expected)
    assert CANARY not in detail
    assert "12345678" not in detail


def described(kind: str) -> str:
    """What is told of one error of `kind`, all its blanks filled: from the value with the canary."""
    from_model: dict[str, Any] = dict.fromkeys(COUNTS, 7) | dict.fromkeys(WORDS, "word")
    from_value: dict[str, Any] = dict.fromkeys(("error", "tag", "encoding_error"), CANARY)
    error = ValidationError.from_exception_data(
        "Everything",
        [
            {
                "type": kind,
                "loc": ("number",),
                "input": CANARY,
                "ctx": from_model | from_value | {"tz_expected": 0, "tz_actual": 12345678},
            }
        ],
    )
    return describe(error, [Everything])


def test_no_message_that_pydantic_fills_from_the_value_is_told() -> None:
    """A new version may bring new blanks: then this fails, and someone decides."""
    told = {kind: described(kind) for kind in get_args(ErrorType)}

    quoting = {kind for kind, text in told.items() if CANARY in text or "12345678" in text}
    assert quoting == FIXED_SENTENCES


def test_a_validator_that_breaks_is_named_by_its_exception_alone() -> None:
    class Broken(Event):
        text: Annotated[str, AfterValidator(breaking)]

    assert refusal(Broken, {"text": CANARY}) == "a validator of Broken raised ZeroDivisionError"


def test_a_validator_that_would_end_the_process_ends_its_record_alone() -> None:
    class Exiting(Event):
        text: Annotated[str, AfterValidator(sys.exit)]

    assert refusal(Exiting, {"text": CANARY}) == "a validator of Exiting raised SystemExit"


def test_a_model_that_has_no_schema_still_names_its_fields() -> None:
    class Opaque:
        pass

    class WithOpaque(Event):
        number: int
        thing: Annotated[Opaque | None, Field()] = None

        model_config = ConfigDict(arbitrary_types_allowed=True)

    assert refusal(WithOpaque, {"number": CANARY}).startswith("number: Input should be a valid int")


def test_a_refused_unknown_field_is_named_bounded_and_escaped() -> None:
    class Strict(Event, unknown="forbid"):
        a: int = 0

    detail = refusal(Strict, {"b\n" + "x" * 500: CANARY})

    assert detail == f"event: Extra inputs are not permitted 'b\\n{'x' * 98}...'"


def test_a_model_wide_refusal_has_a_place_too() -> None:
    class Whole(Event):
        a: int = 0

        @field_validator("a")
        @classmethod
        def never(cls, value: int) -> int:
            raise ValueError(f"not {value}")

    assert refusal(Whole, {"a": 12345678}) == "a: value_error"


def test_many_errors_are_counted_and_few_are_told() -> None:
    detail = refusal(Everything, {"items": ["long text"] * 100})

    assert detail.count("String should have") == 5
    assert detail.endswith("; and 95 more")


def test_very_many_errors_are_only_counted() -> None:
    assert refusal(Everything, {"items": ["long text"] * 1001}) == "1001 errors"


def test_a_detail_is_bounded() -> None:
    class Wordy(Event):
        a: Annotated[str, Field(pattern="^" + "a" * 5000 + "$")]

    detail = refusal(Wordy, {"a": CANARY})

    assert len(detail) == 1003
    assert detail.endswith("...")


def test_a_structured_event_is_refused_at_its_place_in_the_record() -> None:
    detail = refusal(Everything, {"number": CANARY}, enclosed=True)

    assert detail == "data.number: Input should be a valid integer"


def test_the_models_of_an_action_are_described_alike() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(Everything).validate_python({"number": CANARY})

    assert describe(caught.value, [Everything]) == "number: Input should be a valid integer"


def test_what_an_owner_says_of_the_schema_breaks_no_refusal() -> None:
    """The names of fields are read of it: raised in there, the letter would blame this service."""

    def odd(schema: dict[str, Any]) -> None:
        del schema["no such key"]

    class Odd(Event):
        model_config = ConfigDict(json_schema_extra=odd)
        size: int

    with pytest.raises(Rejected, match=r"^invalid: size: Field required"):
        validate(Envelope("1", "t", b"{}"), Odd)
