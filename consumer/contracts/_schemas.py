"""pydantic's core schemas rewritten: each part that is a schema, and nothing that only looks like one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from pydantic_core import CoreSchema, core_schema

_NAMED = frozenset({"fields", "choices"})
# Owners' values, which may look like a schema and are none.
_DATA = frozenset({"default", "metadata", "expected"})
_READ = "consumer.read"


def rewritten(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The same schema with each part as `change` makes it, the inner ones first.

    Works on a copy: parts of a schema are shared between models.
    """
    if isinstance(schema, list | tuple):
        return type(schema)([rewritten(item, change) for item in schema])
    if not isinstance(schema, dict) or _READ in (schema.get("metadata") or {}):
        return schema
    parts = {
        key: _by_name(value, change) if key in _NAMED else rewritten(value, change)
        for key, value in schema.items()
        if key not in _DATA
    }
    return change(parts | {key: schema[key] for key in _DATA & schema.keys()})


def read_through(
    function: Callable[..., Any], part: dict[str, Any], *, informed: bool
) -> dict[str, Any]:
    """The same part, where what comes as JSON passes through `function` first; it is not rewritten again.

    What a function gives is judged as Python's: there a text is no time or decimal unless laxly. So it has to refuse
    itself what only a lax reading takes.
    """
    laxly = cast("CoreSchema", part | {"strict": False})
    read = (
        core_schema.with_info_before_validator_function(function, laxly)
        if informed
        else core_schema.no_info_before_validator_function(function, laxly)
    )
    as_ever = cast("CoreSchema", part)
    return dict(core_schema.json_or_python_schema(read, as_ever, metadata={_READ: True}))


def _by_name(named: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Schemas under names that are the owners': a field may well be called `type` or `default`."""
    if not isinstance(named, dict):
        return rewritten(named, change)
    return {name: rewritten(schema, change) for name, schema in named.items()}
