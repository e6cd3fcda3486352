"""Times in events are ISO texts: pydantic, however strict, also takes a string of digits, as seconds since 1970."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticKnownError

from consumer.contracts._schemas import read_through

_DATE = len("YYYY-MM-DD")


def read_as_iso(part: dict[str, Any]) -> dict[str, Any]:
    """The same part of a schema, where a time or a date has to be a string that begins with a year."""
    match part.get("type"):
        case "datetime":
            return read_through(_time, part)
        case "date":
            return read_through(_date, part)
        case _:
            return part


def _time(value: Any) -> Any:
    if type(value) is not str:
        raise PydanticKnownError("datetime_type")
    if len(value) <= _DATE or value[4] != "-":
        raise PydanticKnownError("datetime_parsing", {"error": "it is not YYYY-MM-DDThh:mm:ss"})
    return value


def _date(value: Any) -> Any:
    if type(value) is not str:
        raise PydanticKnownError("date_type")
    if len(value) != _DATE or value[4] != "-":
        raise PydanticKnownError("date_parsing", {"error": "it has another length, or is a number"})
    return value
