"""pydantic's core schemas rewritten: each part that is a schema, and nothing that only looks like one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_NAMED = frozenset({"fields", "choices"})
# Owners' values, which may look like a schema and are none.
_DATA = frozenset({"default", "metadata", "expected"})
_READ = "consumer.read"


def rewritten(
    schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]], handler: GetCoreSchemaHandler
) -> Any:
    """The same schema with each part as `change` makes it, the inner ones first.

    Works on a copy: parts of a schema are shared between models. What stands apart, under a reference, is rewritten
    where it stands.
    """
    return _Rewriting(change, handler, set()).of(schema)


@dataclass(frozen=True, slots=True)
class _Rewriting:
    change: Callable[[dict[str, Any]], dict[str, Any]]
    handler: GetCoreSchemaHandler
    seen: set[str]
    """References that were followed."""

    def of(self, schema: Any) -> Any:
        if isinstance(schema, list | tuple):
            return type(schema)([self.of(item) for item in schema])
        if not isinstance(schema, dict) or _READ in (schema.get("metadata") or {}):
            return schema
        if schema.get("type") == "definition-ref":
            self._follow(schema)
            return schema
        parts = {
            key: self._by_name(value) if key in _NAMED else self.of(value)
            for key, value in schema.items()
            if key not in _DATA
        }
        return self.change(parts | {key: schema[key] for key in _DATA & schema.keys()})

    def _by_name(self, named: Any) -> Any:
        """Schemas under names that are the owners': a field may well be called `type` or `default`."""
        if not isinstance(named, dict):
            return self.of(named)
        return {name: self.of(schema) for name, schema in named.items()}

    def _follow(self, reference: dict[str, Any]) -> None:
        """A typed dictionary or tuple, an enumeration and a named type stand apart; models have rewritten themselves."""
        if reference["schema_ref"] in self.seen:
            return
        self.seen.add(reference["schema_ref"])
        try:
            found = cast("dict[str, Any]", self.handler.resolve_ref_schema(cast("Any", reference)))
        except LookupError:  # the class that is being made, which holds itself
            return
        if found["type"] != "model":
            new = self.of(found)
            found.clear()
            found.update(new)


def read_through(
    function: Callable[..., Any],
    part: dict[str, Any],
    *,
    informed: bool = False,
    strict: bool = False,
) -> dict[str, Any]:
    """The same part, where what comes as JSON passes through `function` first; it is not rewritten again.

    What a function gives is judged as Python's: there a text is no time or decimal unless laxly. So, unless `strict` will do,
    it has to refuse itself what only a lax reading takes.
    """
    # What refers to the part is to find all of it.
    own = {key: value for key, value in part.items() if key != "ref"}
    inner = cast("CoreSchema", own | {"strict": strict})
    read = (
        core_schema.with_info_before_validator_function(function, inner)
        if informed
        else core_schema.no_info_before_validator_function(function, inner)
    )
    as_ever = cast("CoreSchema", own)
    ref = part.get("ref")
    return dict(core_schema.json_or_python_schema(read, as_ever, ref=ref, metadata={_READ: True}))
