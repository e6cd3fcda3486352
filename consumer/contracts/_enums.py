"""Enumerations of events, taken by their own values: for Python 1, 1.0 and true are one, however strict pydantic is."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticKnownError

from consumer.contracts._schemas import read_through


def told_apart(part: dict[str, Any]) -> dict[str, Any]:
    """The same part of a schema; a value that only equals one of an enumeration is refused."""
    if part.get("type") != "enum":
        return part
    values = [member.value for member in part["members"]]
    if all(isinstance(value, str) for value in values):
        return part  # a text equals nothing else, and most are texts: no call for these

    def as_written(value: Any) -> Any:
        if any(value == own and _kind(value) is not _kind(own) for own in values):
            raise PydanticKnownError("enum", {"expected": " or ".join(map(repr, values))})
        return value

    return read_through(as_written, part, strict=True)


def _kind(value: Any) -> type[Any]:
    """What JSON writes differently, though it be equal."""
    return next((kind for kind in (bool, float) if isinstance(value, kind)), object)
