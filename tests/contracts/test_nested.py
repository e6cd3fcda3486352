"""What stands inside an event is as strict as the event, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, NotRequired, TypeVar

import pytest
from pydantic import BaseModel, ValidationError, create_model
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypeAliasType, TypedDict  # pydantic wants this one below Python 3.12

from consumer.contracts import ContractError, Event
from consumer.contracts._nested import types_in
from consumer.contracts.events import unknown_fields


class Part(Event):
    size: int


def test_a_nested_model_that_would_be_laxer_is_refused() -> None:
    """A plain pydantic model inside an event would take "5" for 5."""

    class Lax(BaseModel):
        size: int

    with pytest.raises(ContractError, match=r"field 'lax' of Wrong holds Lax"):

        class Wrong(Event):
            lax: list[Lax] | None = None


@dataclass
class Lax:
    size: int


@pydantic_dataclass
class LaxToo:
    size: int


class Plain(BaseModel):
    size: int


class Rows(TypedDict):
    rows: list[Plain]
    more: NotRequired[Rows]


class Pair(NamedTuple):
    one: Plain
    two: int


@pytest.mark.parametrize(
    ("kind", "named"),
    [(Lax, "Lax"), (list[LaxToo], "LaxToo"), (Rows, "Plain"), (Pair | None, "Plain")],
    ids=str,
)
def test_what_else_may_hold_fields_is_no_way_round_that(kind: Any, named: str) -> None:
    """A dataclass has a config of its own too; a dictionary or a tuple with types may hold a laxer model."""
    with pytest.raises(ContractError, match=rf"field 'lax' of Wrong holds {named}, which would"):
        create_model("Wrong", __base__=Event, lax=(kind, ...))


T = TypeVar("T")
Two = TypeAliasType("Two", tuple[T, T], type_params=(T,))


class Resolved:
    """As `type Tree = dict[str, Tree] | int` is from Python 3.12 on, where nothing of it is a text any more."""

    __value__: Any


def test_a_named_type_may_have_parameters_and_hold_itself() -> None:
    with pytest.raises(ContractError, match="field 'lax' of Wrong holds Plain"):
        create_model("Wrong", __base__=Event, lax=(Two[Plain], ...))

    tree = Resolved()
    tree.__value__ = dict[str, tree] | int  # type: ignore[valid-type]  # as said above
    assert set(types_in(tree)) >= {str, int, dict}


class Sizes(TypedDict):
    part: Part
    size: int


class Span(NamedTuple):
    part: Part
    size: int


def test_dictionaries_and_tuples_with_types_are_as_strict_and_what_they_hold_is_counted() -> None:
    model = create_model("Right", __base__=Event, a=(Sizes, ...), b=(Span, ...))

    event = model.model_validate_json(
        '{"a": {"part": {"size": 1, "new": 1}, "size": 1}, "b": [{"size": 1, "new": 1}, 2]}'
    )

    assert unknown_fields(event) == 2
    with pytest.raises(ValidationError) as refused:
        model.model_validate_json(
            '{"a": {"part": {"size": 1}, "size": "1"}, "b": [{"size": 1}, true]}'
        )
    assert [error["loc"] for error in refused.value.errors()] == [("a", "size"), ("b", 1)]
