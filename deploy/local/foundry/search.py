"""Search over objects: the `where` of a request, compiled to a predicate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from deploy.local.foundry.ontology import ObjectType
from deploy.local.foundry.wire import Refusal, unprocessable

Predicate = Callable[[Mapping[str, Any]], bool]
NUMBERS = {"integer", "long", "double", "decimal", "float", "short", "byte"}
ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "eq": lambda value, bound: value == bound,
}


def compile_query(where: Any, kind: ObjectType) -> Predicate:
    """True for the objects that are looked for.

    Raises:
        Refusal: the query is malformed, names no property of the type, or is not supported.
    """
    if not isinstance(where, dict) or "value" not in where:
        unprocessable()
    operator, value = where.get("type"), where["value"]
    if operator in {"and", "or"}:
        parts = [compile_query(part, kind) for part in value]
        every = all if operator == "and" else any
        return lambda found: every(part(found) for part in parts)
    if operator == "not":
        part = compile_query(value, kind)
        return lambda found: not part(found)
    name = _property(where, kind)
    comparable = comparable_as(kind.properties[name]["dataType"]["type"])
    return _on_property(name, _test(operator, value, comparable), missing=operator == "isNull")


def _on_property(name: str, test: Callable[[Any], bool], *, missing: bool) -> Predicate:
    def holds(found: Mapping[str, Any]) -> bool:
        value = found.get(name)
        return test(value) if missing or value is not None else False

    return holds


def comparable_as(data_type: str) -> Callable[[Any], Any]:
    """How values of the type are compared: numbers and moments by what they mean, not as text."""
    if data_type in NUMBERS:
        return lambda value: Decimal(str(value))
    return datetime.fromisoformat if data_type == "timestamp" else lambda value: value


def _property(where: Mapping[str, Any], kind: ObjectType) -> str:
    identifier = where.get("propertyIdentifier") or {}
    name = where.get("field", identifier.get("apiName"))
    if name not in kind.properties:
        raise Refusal(
            "NOT_FOUND", "PropertiesNotFound", {"objectType": kind.name, "properties": [name]}
        )
    return str(name)


def _test(operator: Any, value: Any, comparable: Callable[[Any], Any]) -> Callable[[Any], bool]:
    if operator == "isNull":
        return lambda found: (found is None) is value
    try:
        return _value_test(operator, value, comparable)
    except (ValueError, TypeError, ArithmeticError):
        unprocessable()


def _value_test(
    operator: Any, value: Any, comparable: Callable[[Any], Any]
) -> Callable[[Any], bool]:
    if operator in ORDERED:
        compare, bound = ORDERED[operator], comparable(value)
        return lambda found: compare(comparable(found), bound)
    if operator == "in":
        options = [comparable(each) for each in value]
        return lambda found: comparable(found) in options
    if operator == "contains":
        return lambda found: isinstance(found, list) and value in found
    if operator == "startsWith":
        return lambda found: str(found).startswith(value)
    if operator in {"containsAllTerms", "containsAnyTerm"}:
        terms = _terms(value)
        every = all if operator == "containsAllTerms" else any
        return lambda found: every(term in _terms(found) for term in terms)
    raise Refusal("INVALID_ARGUMENT", "Default:InvalidArgument", {"type": operator})


def _terms(text: Any) -> set[str]:
    return set(re.findall(r"\w+", str(text).lower()))
