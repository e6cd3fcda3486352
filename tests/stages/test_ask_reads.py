"""What `ask` will read back is fit for a request, or the record is refused before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum

import pytest

from consumer.contracts import ask
from consumer.model import Prepared
from tests.stages.routes import create, outcome, refusal

KEYS: Mapping[str, object] = {
    "empty": "",
    "dot": ".",
    "dots": "..",
    "surrogate": "\ud800",
    "line end": "T-1\r\nX: 1",
    "nul": "T-1\0",
    "delete": "\x7f",
    "long": "x" * 4_001,
    "long when quoted": "ü" * 1_000,
    "digits": 10**4_001,
    "bool": True,
    "none": None,
    "float": 1.5,
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_that_no_request_can_carry_is_the_records_fault(key: object) -> None:
    """Asked for, it is answered with what looks like an outage, and the gate closes for everybody."""
    assert refusal(create, repeat=ask("Ticket", key=lambda _: key)) in {
        "create ask raised ValueError",
        "create ask raised TypeError",
        "create ask raised UnicodeEncodeError",
    }


@pytest.mark.parametrize(
    "value",
    [None, "\ud800", "x" * 16_000, ["x"] * 8_000, math.nan, {"a": -math.inf}, object()],
    ids=["none", "surrogate", "long", "many", "nan", "infinite", "no json"],
)
def test_a_search_value_that_no_request_can_carry_is_the_records_fault(value: object) -> None:
    found = refusal(create, repeat=ask("Ticket", where={"title": lambda _: value}))

    assert found.startswith("create ask raised ")


@pytest.mark.parametrize("key", ["T-1", "x" * 4_000, "ü" * 600, "../T 1", "a\u2028b", 7, -(2**63)])
def test_a_key_that_a_request_can_carry_is_asked_for(key: str | int) -> None:
    found = outcome(create, repeat=ask("Ticket", key=lambda _: key))

    assert isinstance(found, Prepared)
    assert found.lookup is not None
    assert found.lookup.key == key


class Tier(str, Enum):  # noqa: UP042 - as many are written: its `str` is "Tier.GOLD", what is sent of it is "gold"
    GOLD = "gold"


class Level(int, Enum):
    TOP = 7


@pytest.mark.parametrize(("key", "asked_for"), [(Tier.GOLD, "gold"), (Level.TOP, "7")])
def test_the_key_that_is_asked_for_is_the_one_that_was_sent(key: str | int, asked_for: str) -> None:
    """Another object is not there, so what was applied would be taken for not applied, and sent again."""
    found = outcome(create, repeat=ask("Ticket", key=lambda _: key))

    assert isinstance(found, Prepared)
    assert found.lookup is not None
    assert str(found.lookup.key) == asked_for
