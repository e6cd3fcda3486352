"""Rewrites pydantic's core schemas: every part that is a schema, and nothing that only looks like one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_NAMED = frozenset({"fields", "choices"})
# Under these keys are owners' values, which may look like a schema but are not.
_DATA = frozenset({"default", "metadata", "expected"})
_READ = "consumer.read"


def rewritten(
    schema: Any, change: Callable[[dict[str, Any]], dict[str, Any]], handler: GetCoreSchemaHandler
) -> Any:
    """The same schema with `change` applied to each part, innermost first.

    Works on a copy, as models share parts of a schema; but what is defined apart, behind a reference, is rewritten
    in place.
    """
    return _Rewriting(change, handler, set()).of(schema)


@dataclass(frozen=True, slots=True)
class _Rewriting:
    change: Callable[[dict[str, Any]], dict[str, Any]]
    handler: GetCoreSchemaHandler
    seen: set[str]
    """References that have been followed."""

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
        """Schemas by names that owners chose: a field may well be called `type` or `default`."""
        if not isinstance(named, dict):
            return self.of(named)
        return {name: self.of(schema) for name, schema in named.items()}

    def _follow(self, reference: dict[str, Any]) -> None:
        """Rewrite what is defined apart: typed dictionaries, named tuples, enumerations, type aliases.

        Models have rewritten their own schemas already.
        """
        if reference["schema_ref"] in self.seen:
            return
        self.seen.add(reference["schema_ref"])
        try:
            found = cast("dict[str, Any]", self.handler.resolve_ref_schema(cast("Any", reference)))
        except LookupError:  # the class being defined refers to itself
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
    """The same part, except that a value from JSON first passes through `function`; it will not be rewritten again.

    pydantic judges the function's result by its rules for Python values, which accept text as a time or a decimal
    only in lax mode. So unless `strict` suits it, the function itself must refuse what only lax mode accepts.
    `informed`: it also takes pydantic's `ValidationInfo`.
    """
    # The reference moves to the outside, so that whatever refers to the part gets all of it.
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
