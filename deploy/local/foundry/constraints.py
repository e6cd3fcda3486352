"""What an action type allows a parameter to be, beyond its type: as the metadata's `validation` says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from deploy.local.foundry.values import Check

BOUNDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """`evaluated` is what the validation block shows of it."""

    holds: Check
    evaluated: Mapping[str, Any]


def compile_constraints(
    validation: Mapping[str, Any], data_type: Mapping[str, Any]
) -> tuple[Constraint, ...]:
    """The constraints of one parameter; of an array, the allowed values are its elements'."""
    block = validation.get("defaultValidation", {})
    found = _allowed(block["allowedValues"]) if block.get("allowedValues") else ()
    if data_type["type"] != "array":
        return found
    return (*map(_each, found), *_array_size(block.get("arraySize")))


def _each(constraint: Constraint) -> Constraint:
    return Constraint(lambda value: all(map(constraint.holds, value)), constraint.evaluated)


def _array_size(size: Mapping[str, Any] | None) -> tuple[Constraint, ...]:
    if size is None:
        return ()
    within = _within(size, int)
    return (Constraint(lambda value: within(len(value)), {**size, "type": "arraySize"}),)


def _allowed(allowed: Mapping[str, Any]) -> tuple[Constraint, ...]:
    kind = allowed["type"]
    if kind == "oneOf":
        return (_one_of(allowed),)
    if kind in {"text", "markdown"}:
        return _text(allowed)
    if kind == "range":
        bounds = _literals(allowed)
        within = _within(bounds, Decimal)
        return (Constraint(lambda value: within(Decimal(value)), {**bounds, "type": "range"}),)
    if kind == "datetime":
        return (_datetime(allowed),)
    if kind == "mustBeEmpty":
        return (Constraint(lambda _: False, {"type": "unevaluable"}),)
    return ()  # attachment sizes and value types live outside of what this emulator holds


def _one_of(allowed: Mapping[str, Any]) -> Constraint:
    options = [option["value"] for option in allowed["options"]]
    others = allowed["otherValuesAllowed"]
    return Constraint(lambda value: others or value in options, dict(allowed))


def _text(allowed: Mapping[str, Any]) -> tuple[Constraint, ...]:
    found: list[Constraint] = []
    length = {name: allowed[name] for name in ("gte", "lte") if allowed.get(name) is not None}
    if length:
        within = _within(length, int)
        found.append(
            Constraint(lambda value: within(len(value)), {**length, "type": "stringLength"})
        )
    if allowed.get("regex") is not None:
        pattern = re.compile(allowed["regex"])
        shown = {"type": "stringRegexMatch", "regex": allowed["regex"]}
        if allowed.get("configuredFailureMessage") is not None:
            shown["configuredFailureMessage"] = allowed["configuredFailureMessage"]
        found.append(Constraint(lambda value: pattern.fullmatch(value) is not None, shown))
    return tuple(found)


def _datetime(allowed: Mapping[str, Any]) -> Constraint:
    bounds = _literals(allowed)
    within = _within(bounds, _moment)
    return Constraint(lambda value: within(_moment(value)), {**bounds, "type": "range"})


def _moment(text: str) -> datetime:
    """Dates and timestamps alike, as one comparable value."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _within(bounds: Mapping[str, Any], convert: Callable[[Any], Any]) -> Check:
    checks = [(BOUNDS[name], convert(bounds[name])) for name in BOUNDS if name in bounds]
    return lambda value: all(check(value, bound) for check, bound in checks)


def _literals(allowed: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds that are values; those taken from another parameter or from now are left open."""
    found: dict[str, Any] = {}
    for name in BOUNDS:
        bound = allowed.get(name)
        while isinstance(bound, Mapping):
            bound = bound.get("value") if bound.get("type") in {"static", "fixed"} else None
        if bound is not None:
            found[name] = bound
    return found
