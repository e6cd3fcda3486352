"""A value of an enumeration is the one that the publisher wrote: for Python 1, 1.0 and true are one."""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest

from consumer.contracts import Event
from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.validate import validate


class Level(IntEnum):
    LOW = 1
    HIGH = 2

    @classmethod
    def _missing_(cls, value: object) -> Level | None:
        return cls.HIGH if value == 3 else None


class Mixed(Enum):
    YES = True
    HALF = 0.5
    TEN = 10.0
    TWO = 2
    NAME = "name"


class Colour(StrEnum):
    RED = "red"


class Lamp(Event):
    level: Level = Level.LOW
    levels: tuple[Level | None, ...] = ()
    mixed: Mixed = Mixed.TWO
    colour: Colour = Colour.RED


def lamp(text: str) -> Any:
    return validate(Envelope("1", "t", text.encode()), Lamp)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("level", "true"),
        ("level", "1.0"),
        ("level", '"1"'),
        ("level", "4"),
        ("level", "null"),
        ("level", "[1]"),
        ("mixed", "1"),
        ("mixed", "1.0"),
        ("mixed", "10"),
        ("mixed", "2.0"),
        ("mixed", '"other"'),
        ("colour", "1"),
    ],
)
def test_a_value_that_only_equals_one_of_them_is_refused(field: str, given: str) -> None:
    with pytest.raises(Rejected, match=rf"^invalid: {field}: Input should be ") as refused:
        lamp(f'{{"{field}": {given}}}')

    assert refused.value.reason == "invalid"


def test_their_own_values_are_taken() -> None:
    found = lamp('{"level": 2, "levels": [1, null, 2], "mixed": true, "colour": "red"}')

    assert (found.level, found.mixed) == (Level.HIGH, Mixed.YES)
    assert found.levels == (Level.LOW, None, Level.HIGH)
    for given, read in (("0.5", Mixed.HALF), ("10.0", Mixed.TEN), ("2", Mixed.TWO)):
        assert lamp(f'{{"mixed": {given}}}').mixed is read
    assert lamp('{"mixed": "name"}').mixed is Mixed.NAME


def test_what_an_owner_makes_of_another_value_counts() -> None:
    assert lamp('{"level": 3}').level is Level.HIGH


def test_they_are_published_as_before_and_made_in_python_as_before() -> None:
    schema = Lamp.model_json_schema()

    assert schema["$defs"]["Level"] == {"enum": [1, 2], "title": "Level", "type": "integer"}
    assert schema["properties"]["level"] == {"$ref": "#/$defs/Level", "default": 1}
    assert Lamp(level=Level.HIGH).level is Level.HIGH
    with pytest.raises(ValueError, match="instance of"):
        Lamp(level=2)  # type: ignore[arg-type]  # what is refused
