"""envelope -> event: the model decides, reading the JSON text itself."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError, create_model
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from consumer.contracts._decimals import exact_numbers
from consumer.contracts.events import Event
from consumer.errors import RAISED_BY_OWNERS, Rejected
from consumer.model import Envelope
from consumer.stages.headers import quoted

_MAX_ERRORS = 5
_MAX_TO_DESCRIBE = 1000
_MAX_DETAIL = 1000

_BUILT_IN = frozenset(get_args(ErrorType))
# pydantic's messages are templates. These placeholders are filled from the model; all others (`error`,
# `tag`, `tz_actual`, ...) from the value, and a message of an owner's may quote anything.
_FROM_MODEL = frozenset(
    {
        "actual_length", "class", "class_name", "decimal_places", "discriminator", "encoding",
        "expected", "expected_plural", "expected_schemes", "expected_version", "field_type", "ge",
        "gt", "le", "lt", "max_digits", "max_length", "min_length", "multiple_of", "pattern",
        "whole_digits",
    }
)  # fmt: skip
# Error types whose `error` is one of a fixed list of sentences ("input is too short").
_FIXED_SENTENCES = frozenset(
    {
        "date_from_datetime_parsing", "date_parsing", "datetime_from_date_parsing",
        "datetime_parsing", "time_delta_parsing", "time_parsing",
    }
)  # fmt: skip


def validate(envelope: Envelope, model: type[Event]) -> Event:
    """The event, typed by its model.

    Raises:
        Rejected: `invalid`: the model refuses it; the detail says where and why, and never quotes a value.
    """
    exact = exact_numbers(envelope.data) if model.decimals_ else None
    try:
        if not envelope.enclosed:
            # The validator itself: `model_validate_json` would go through its options first, for each record.
            valid: Event = model.__pydantic_validator__.validate_json(envelope.data, context=exact)
            return valid
        enclosing = _enclosing(model).model_validate_json(envelope.data, context=exact)
        event: Event = getattr(enclosing, "data")  # noqa: B009 - a field that mypy cannot see
    except ValidationError as errors:
        detail = describe(errors, [model])
    except RAISED_BY_OWNERS as error:  # validators are owners' code
        detail = f"a validator of {model.__name__} raised {type(error).__name__}"
    else:
        return event
    # Raised outside the handler, or the error chain would keep the event in memory and in tracebacks.
    raise Rejected("invalid", detail, stage="validate")


@lru_cache(maxsize=1024)
def _enclosing(model: type[Event]) -> type[BaseModel]:
    """The model inside a structured CloudEvent: the data need not be written out again, so no digit is lost."""
    return create_model("Enclosing", data=(model, ...))


def describe(errors: ValidationError, models: Iterable[type[BaseModel]]) -> str:
    """Where and why, for the first few errors, in bounded length; `models` are those that may have raised them."""
    count = errors.error_count()
    if count > _MAX_TO_DESCRIBE:
        # Each error would become an object first: a hostile list could stall the service.
        return f"{count} errors"
    found = errors.errors(include_url=False, include_input=False)
    names = frozenset({"data"}.union(*map(_names, models)))
    said = "; ".join(_describe(error, names) for error in found[:_MAX_ERRORS])
    if count > _MAX_ERRORS:
        said += f"; and {count - _MAX_ERRORS} more"
    return said if len(said) <= _MAX_DETAIL else said[:_MAX_DETAIL] + "..."


def _describe(error: ErrorDetails, names: frozenset[str]) -> str:
    kind = error["type"]
    path = list(error["loc"])
    unknown = f" {quoted(str(path.pop()))}" if kind == "extra_forbidden" and path else ""
    where = ".".join(str(part) if isinstance(part, int) or part in names else "*" for part in path)
    message = error["msg"] if _is_safe(kind, error.get("ctx", {})) else kind
    return f"{where or 'event'}: {message}{unknown}"


def _is_safe(kind: str, context: dict[str, Any]) -> bool:
    return kind in _BUILT_IN and (context.keys() <= _FROM_MODEL or kind in _FIXED_SENTENCES)


@lru_cache(maxsize=1024)
def _names(model: type[BaseModel]) -> frozenset[str]:
    """Field names that the model knows. Any other name in a location comes from the event, like the key of a map."""
    try:
        schema = model.model_json_schema()
    except RAISED_BY_OWNERS:  # an owner's type has no schema, or its `json_schema_extra` raises
        return frozenset(model.model_fields)
    objects = [schema, *schema.get("$defs", {}).values()]
    return frozenset().union(*(thing.get("properties", ()) for thing in objects))
