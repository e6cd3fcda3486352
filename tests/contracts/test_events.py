"""An event class takes JSON literally, and knows what it did not know."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    AwareDatetime,
    ConfigDict,
    Field,
    ValidationError,
)

from consumer.contracts import ContractError, Event
from consumer.contracts.events import reads, unknown_fields


class Part(Event):
    size: int


class Opened(Event):
    number: int
    share: float = 0.0
    title: str = ""
    urgent: bool = False
    at: AwareDatetime | None = None
    part: Part | None = None
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] | None = None


class Closed(Opened, unknown="forbid"):
    pass


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"number": "5"}', "number"),
        ('{"number": 5.0}', "number"),
        ('{"number": true}', "number"),
        ('{"number": null}', "number"),
        ('{"number": 5, "share": "0.5"}', "share"),
        ('{"number": 5, "share": NaN}', "share"),
        ('{"number": 5, "share": 1e999}', "share"),
        ('{"number": 5, "urgent": 1}', "urgent"),
        ('{"number": 5, "title": 1}', "title"),
        ('{"number": 5, "at": 1767225600}', "at"),
        ('{"number": 5, "at": "2026-01-01T00:00:00"}', "at"),
        ('{"number": 5, "part": {"size": "1"}}', "part"),
    ],
)
def test_a_value_of_another_type_is_refused_rather_than_converted(text: str, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Opened.model_validate_json(text)

    assert [error["loc"][0] for error in refused.value.errors()] == [field]


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00", r"\udc00\ud800"])
def test_a_lone_surrogate_is_refused_even_in_an_unknown_field(escape: str) -> None:
    with pytest.raises(ValidationError):
        Opened.model_validate_json(f'{{"number": 1, "else": "{escape}"}}')


def test_iso_dates_and_whole_floats_are_what_json_has_for_them() -> None:
    event = Opened.model_validate_json(
        '{"number": 1, "share": 1, "at": "2026-01-01T01:00:00+01:00"}'
    )

    assert event.share == 1.0
    assert event.at == datetime(2026, 1, 1, tzinfo=UTC)


def test_an_event_is_frozen_and_hashable() -> None:
    event = Part(size=1)

    with pytest.raises(ValidationError):
        event.size = 2  # type: ignore[misc]  # that it is frozen is what is tested
    assert {event} == {Part(size=1)}


def test_an_error_does_not_quote_the_value() -> None:
    with pytest.raises(ValidationError) as refused:
        Opened.model_validate_json('{"number": "secret"}')

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"number": 1}', 0),
        ('{"number": 1, "new": 1, "newer": {"a": 1}}', 2),
        ('{"number": 1, "part": {"size": 1, "new": 1}}', 1),
        ('{"number": 1, "parts": [{"size": 1, "new": 1}, {"size": 1}, {"size": 1, "new": 1}]}', 2),
        ('{"number": 1, "by_name": {"a": {"size": 1, "new": 1}}, "new": 1}', 2),
    ],
)
def test_unknown_fields_are_ignored_and_counted_at_any_depth(text: str, count: int) -> None:
    assert unknown_fields(Opened.model_validate_json(text)) == count


class Renamed(Event):
    own: int = 0
    other: int = Field(default=0, alias="an alias")
    choice: int = Field(default=0, validation_alias=AliasChoices("one", AliasPath("two", "inner")))


class Either(Renamed):
    model_config = ConfigDict(validate_by_name=True)


def test_it_is_known_which_fields_of_the_json_a_model_reads() -> None:
    names = ("own", "other", "an alias", "choice", "one", "two", "inner", "new")

    assert [name for name in names if reads(Renamed, name)] == ["own", "an alias", "one", "two"]
    for model in (Renamed, Either):
        for name in names:
            unknown = unknown_fields(
                model.model_validate_json(
                    f'{{"{name}": {{"inner": 1}}}}' if name == "two" else f'{{"{name}": 1}}'
                )
            )
            assert unknown == (not reads(model, name)), name


def test_unknown_forbid_refuses_an_unknown_field_and_is_inherited() -> None:
    class Deeper(Closed):
        pass

    for model in (Closed, Deeper):
        with pytest.raises(ValidationError, match="Extra inputs"):
            model.model_validate_json('{"number": 1, "new": 1}')

    assert Opened.model_validate_json('{"number": 1, "new": 1}').number == 1


def test_unknown_ignore_lifts_what_was_inherited() -> None:
    class Open(Closed, unknown="ignore"):
        pass

    assert unknown_fields(Open.model_validate_json('{"number": 1, "new": 1}')) == 1


def test_the_schema_says_whether_unknown_fields_are_allowed() -> None:
    assert Opened.model_json_schema()["additionalProperties"] is True
    assert Closed.model_json_schema()["additionalProperties"] is False


def test_an_unknown_setting_of_unknown_is_refused() -> None:
    with pytest.raises(
        ContractError, match=r"test_events\.py:\d+: event class Wrong has unknown='no'"
    ):

        class Wrong(Event, unknown="no"):
            pass


@pytest.mark.parametrize(
    "laxer",
    [
        {"strict": False},
        {"frozen": False},
        {"allow_inf_nan": True},
        {"hide_input_in_errors": False},
        {"extra": "ignore"},
    ],
    ids=str,
)
def test_an_event_cannot_be_made_laxer_by_its_config(laxer: ConfigDict) -> None:
    (name,) = laxer
    with pytest.raises(
        ContractError, match=rf"test_events\.py:\d+: event class Lax has {name}=.* leave it out"
    ):

        class Lax(Event):
            model_config = laxer


def test_an_event_may_have_a_config_of_its_own_besides() -> None:
    class Titled(Event):
        model_config = ConfigDict(title="A titled event", extra="forbid")

    assert Titled.model_config["strict"]


def test_a_keyword_that_nobody_takes_is_refused() -> None:
    with pytest.raises(ContractError, match="event class Wrong is given unkown; its keywords are"):

        class Wrong(Event, unkown="forbid"):
            pass


def test_fields_that_begin_like_pydantics_own_are_allowed() -> None:
    class Made(Event):
        model_name: Literal["a"]

    assert Made.model_validate_json('{"model_name": "a"}').model_name == "a"
