"""Does an action class fit its action type? Compared by what is written on the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from pydantic.errors import PydanticUserError

from consumer.contracts import Action
from consumer.foundry.ontology import ActionTypeInfo, ParameterInfo

Schema = Mapping[str, Any]

_TEXT = frozenset({"string"})
_NUMBER = frozenset({"number", "integer"})
_OBJECT = frozenset({"object"})
_WIRE: Mapping[str, frozenset[str]] = {
    "string": _TEXT,
    "integer": frozenset({"integer"}),
    "long": _TEXT,
    "double": _NUMBER,
    "decimal": _TEXT,
    "boolean": frozenset({"boolean"}),
    "date": _TEXT,
    "timestamp": _TEXT,
    "marking": _TEXT,
    "attachment": _TEXT,
    "objectType": _TEXT,
    "geohash": _OBJECT,
    "geoshape": _OBJECT | _TEXT,
    "vector": frozenset({"array"}),
    "timeSeriesReference": _OBJECT,
    "mediaReference": _OBJECT,
    "object": _TEXT | {"integer"},
    "objectSet": _TEXT | _OBJECT,
    "interfaceObject": _OBJECT,
    "struct": _OBJECT,
    "array": frozenset({"array"}),
    "set": frozenset({"array"}),
}
"""How Foundry wants each type in JSON. Types that are not listed pass: newer stacks have more."""
_FORMATS = {"date": "date", "timestamp": "date-time"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """One parameter that does not fit: with `fail` the action would be refused, with `warn` it may be."""

    level: Literal["warn", "fail"]
    parameter: str
    what: str
    remedy: str


def misfits(action: type[Action], found: ActionTypeInfo) -> Iterator[Misfit]:
    """All parameters in which the action class and the action type differ."""
    try:
        schema = action.model_json_schema(mode="serialization")
    except PydanticUserError as error:
        what = f"were not compared: {action.__name__} has no JSON Schema ({error.message.splitlines()[0]})"
        yield Misfit("warn", "parameters", what, "give the field's serializer a return type")
        return
    fields: Schema = schema.get("properties", {})
    given = frozenset(schema.get("required", ()))
    parameters = {parameter.id: parameter for parameter in found.parameters}
    for name in sorted(fields.keys() - parameters.keys()):
        near = get_close_matches(name, parameters.keys() - fields.keys(), n=1)
        remedy = f"was it renamed to {near[0]!r}?" if near else f"remove it from {action.__name__}"
        yield Misfit("fail", name, "the action type has no such parameter", remedy)
    for name, parameter in sorted(parameters.items()):
        if name not in fields:
            yield from _lacking(action, parameter)
            continue
        if parameter.required and name not in given:
            remedy = f"make the field of {action.__name__} required"
            yield Misfit("warn", name, "is required, but the class may leave it out", remedy)
        parts = tuple(_alternatives(fields[name], schema.get("$defs", {})))
        if parameter.required and any(part.get("type") == "null" for part in parts):
            what = "is required, but the class may send null, which counts as left out"
            yield Misfit("warn", name, what, f"do not allow None in the field of {action.__name__}")
        yield from _clash(name, fields[name], schema.get("$defs", {}), parameter.data_type)


def _lacking(action: type[Action], parameter: ParameterInfo) -> Iterator[Misfit]:
    if parameter.required:
        what = f"is required ({parameter.type}), and {action.__name__} has no such field"
        yield Misfit("fail", parameter.id, what, "add the field, and set it in the mapping")


def _clash(name: str, schema: Schema, definitions: Schema, data_type: Schema) -> Iterator[Misfit]:
    kind = data_type.get("type")
    wanted = _WIRE.get(kind) if isinstance(kind, str) else None
    if wanted is None:
        return
    for part in _alternatives(schema, definitions):
        written = part.get("type")
        if written is None or written == "null":
            continue
        said = f"{written} ({part['format']})" if "format" in part else str(written)
        if written not in wanted:
            what = (
                f"is of type {kind}, sent as {' or '.join(sorted(wanted))}; the class sends {said}"
            )
            yield Misfit("fail", name, what, "give the field the parameter's type")
        elif kind in _FORMATS and part.get("format", _FORMATS[kind]) != _FORMATS[kind]:
            what = f"is of type {kind}; the class sends {said}"
            yield Misfit("fail", name, what, "give the field the parameter's type")
        elif written == "array":
            item = data_type.get("subType", data_type.get("itemType"))
            if isinstance(item, Mapping) and isinstance(part.get("items"), Mapping):
                yield from _clash(f"{name}[]", part["items"], definitions, item)


def _alternatives(schema: Schema, definitions: Schema) -> Iterator[Schema]:
    """The shapes that a value may have, references followed."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        yield from _alternatives(definitions[reference.rpartition("/")[2]], definitions)
        return
    options = schema.get("anyOf") or schema.get("oneOf")
    if options is None:
        yield schema
        return
    for option in options:
        yield from _alternatives(option, definitions)
