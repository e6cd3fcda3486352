"""Enumerations in events, matched exactly: to Python 1, 1.0 and true are equal, however strict pydantic is."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticKnownError

from consumer.contracts._schemas import read_through


def told_apart(part: dict[str, Any]) -> dict[str, Any]:
    """The same part of a schema, refusing a value that equals a member but is of another kind."""
    if part.get("type") != "enum":
        return part
    values = [member.value for member in part["members"]]
    if all(isinstance(value, str) for value in values):
        return part  # strings equal nothing else, and most enumerations have only those: no Python call for them

    def as_written(value: Any) -> Any:
        if any(value == own and _kind(value) is not _kind(own) for own in values):
            raise PydanticKnownError("enum", {"expected": " or ".join(map(repr, values))})
        return value

    return read_through(as_written, part, strict=True)


def _kind(value: Any) -> type[Any]:
    """The kind of value, so far as JSON writes equal values differently."""
    return next((kind for kind in (bool, float) if isinstance(value, kind)), object)
