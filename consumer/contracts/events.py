"""`Event`: what a publisher sends, as a pydantic model that reads JSON literally."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from consumer.contracts._decimals import exactly_read, holds_decimals
from consumer.contracts._enums import told_apart
from consumer.contracts._faults import fault, refuse_config, refuse_keywords
from consumer.contracts._nested import nested_models
from consumer.contracts._schemas import rewritten
from consumer.contracts._times import read_as_iso

_KEPT: Final[Mapping[str, tuple[object, ...]]] = {
    "strict": (True,),
    "frozen": (True,),
    "allow_inf_nan": (False,),
    "hide_input_in_errors": (True,),
    "extra": ("allow", "forbid"),
}
"""What a `model_config` may set: anything else would make events laxer, or quote their values in errors."""


def _read_literally(part: dict[str, Any]) -> dict[str, Any]:
    return told_apart(read_as_iso(exactly_read(part)))


class Event(BaseModel):
    """The event of a record; subclass it and give it fields.

    It is frozen, and strict in the sense of JSON: no "5" for 5, no NaN; dates are ISO strings. A field that the
    model does not know is ignored and counted; `class X(Event, unknown="forbid")` refuses it.

    Raises:
        ContractError: when the class is defined: `unknown` is neither "ignore" nor "forbid", another
            keyword is given, `model_config` would make it laxer, or a field holds a pydantic model that
            is not an event.
    """

    # Unknown fields are kept apart (`model_extra`) rather than dropped, so that they can be counted without
    # reading the JSON twice.
    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="allow",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )
    nested_events_: ClassVar[tuple[str, ...]] = ()
    decimals_: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, unknown: Literal["ignore", "forbid"] | None = None, **kwargs: Any
    ) -> None:
        refuse_keywords(f"event class {cls.__name__}", kwargs, "unknown")
        super().__init_subclass__()
        match unknown:
            case None:
                pass
            case "ignore":
                cls.model_config["extra"] = "allow"
            case "forbid":
                cls.model_config["extra"] = "forbid"
            case _:
                raise fault(
                    f"event class {cls.__name__} has unknown={unknown!r}",
                    remedy='write unknown="ignore" or unknown="forbid"',
                )
        refuse_config(
            f"event class {cls.__name__}",
            cls.model_config,
            _KEPT,
            "leave it out: what other publishers send is taken literally; a single field may be"
            ' laxer by Field(strict=False), and unknown="forbid" refuses fields that the model does not know',
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = rewritten(handler(source), _read_literally, handler)
        return schema

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        """Note which fields hold events and whether any holds decimals; refuse nested models that would be laxer."""
        if cls.model_fields:  # else it is `Event` itself, which has no name yet
            nested = nested_models(cls, Event, "which would take a string for a number")
            cls.nested_events_ = tuple(name for name, models in nested.items() if models)
            cls.decimals_ = holds_decimals(cls.__pydantic_core_schema__)


def reads(model: type[Event], name: str) -> bool:
    """True if some field of the model is read from the JSON field `name`."""
    by_name = model.model_config.get("validate_by_name") or model.model_config.get(
        "populate_by_name"
    )
    return any(
        name in _written_as(info.validation_alias)
        or (own == name and (by_name or info.validation_alias is None))
        for own, info in model.model_fields.items()
    )


def _written_as(alias: str | AliasPath | AliasChoices | None) -> Collection[Any]:
    match alias:
        case AliasChoices(choices=choices):
            return [name for each in choices for name in _written_as(each)]
        case AliasPath(path=path):
            return path[:1]
        case _:
            return () if alias is None else (alias,)


def unknown_fields(event: Event) -> int:
    """How many of the event's fields its model does not know, those of nested events included."""
    extra = event.__pydantic_extra__
    if not extra and not event.nested_events_:
        return 0
    return len(extra or ()) + sum(
        unknown_fields(nested)
        for name in event.nested_events_
        for nested in _events_in(getattr(event, name))
    )


def unknown_names(event: Event, at: str = "") -> Iterator[tuple[str, str]]:
    """Path of each such field, and the name of the model that does not know it; in a list, once for each item."""
    for name in event.__pydantic_extra__ or ():
        yield f"{at}{name}", type(event).__name__
    for name in event.nested_events_:
        for nested in _events_in(getattr(event, name)):
            yield from unknown_names(nested, f"{at}{name}.")


def _events_in(value: Any) -> Iterator[Event]:
    match value:
        case Event():
            yield value
        case Mapping():
            for item in value.values():
                yield from _events_in(item)
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from _events_in(item)
        case _:
            return
