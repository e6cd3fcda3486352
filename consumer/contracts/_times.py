"""Times of events are ISO texts: pydantic takes a text of digits for seconds since 1970, however strict it is."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticKnownError

from consumer.contracts._schemas import read_through

_DATE = len("YYYY-MM-DD")


def read_as_iso(part: dict[str, Any]) -> dict[str, Any]:
    """The same part of a schema; a time or a date that comes as a text has to begin with its year."""
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
        raise PydanticKnownError("datetime_parsing", {"error": "it is no YYYY-MM-DDThh:mm:ss"})
    return value


def _date(value: Any) -> Any:
    if type(value) is not str:
        raise PydanticKnownError("date_type")
    if len(value) != _DATE or value[4] != "-":
        raise PydanticKnownError("date_parsing", {"error": "it has another length, or is a number"})
    return value
