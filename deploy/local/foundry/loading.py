"""Ontologies as data: files in the shapes that Foundry's own metadata endpoints answer.

A file (JSON, TOML, or Python with an `ONTOLOGY` mapping) has `ontology`, `objectTypes`, `actionTypes` and,
if wanted, `objects` (what is there from the start, by object type). The types may be lists or maps, bare or with
their full metadata (`{"objectType": ...}`, `{"actionType": ..., "fullLogicRules": [...]}`).
What is left out is filled in: an action type without logic rules gets them from its `operations`,
an object type that is only mentioned gets a definition.
"""

from __future__ import annotations

import json
import runpy
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.local.foundry.ontology import (
    ActionType,
    ObjectType,
    Ontology,
    compile_action_type,
    compile_object_type,
)
from deploy.local.foundry.wire import rid


def read_ontology(path: Path) -> Ontology:
    """The ontology of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no ontology; the message names the part.
    """
    if path.suffix == ".py":
        return load_ontology(runpy.run_path(str(path))["ONTOLOGY"])
    text = path.read_text(encoding="utf-8")
    return load_ontology(tomllib.loads(text) if path.suffix == ".toml" else json.loads(text))


def load_ontology(data: Mapping[str, Any]) -> Ontology:
    """Raises ValueError where a type is not described as Foundry describes it."""
    named = data.get("ontology", {})
    if isinstance(named, str):
        named = {"apiName": named}
    if not isinstance(named, Mapping):
        raise ValueError("ontology: its API name is wanted, or a table with apiName")  # noqa: TRY004 - as promised
    name = named.get("apiName", "ontology")
    definition = {
        "apiName": name,
        "displayName": named.get("displayName", name),
        "description": named.get("description", ""),
        "rid": named.get("rid", rid("ontology", "ontology", name)),
    }
    actions = [_split_action(given) for given in _items(data.get("actionTypes", []))]
    actions = _with_full_metadata(actions, data.get("actionTypesFullMetadata", {}))
    _require_types(given for given, _ in actions)
    objects = _object_types(data, [given for given, _ in actions])
    return Ontology(
        definition=definition,
        object_types=objects,
        action_types=dict(_action_types(actions, objects)),
        objects=data.get("objects", {}),
    )


def _items(types: Any) -> list[dict[str, Any]]:
    if isinstance(types, Mapping):
        return [{"apiName": name, **given} for name, given in types.items()]
    return list(types)


def _split_action(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any] | None]:
    definition = dict(given.get("actionType", given))
    logic = given.get("fullLogicRules")
    definition.pop("fullLogicRules", None)
    name = definition["apiName"]
    definition.setdefault("displayName", name)
    definition.setdefault("status", "ACTIVE")
    definition.setdefault("rid", rid("actions", "action-type", name))
    definition.setdefault("operations", [])
    definition["parameters"] = {
        key: {"displayName": key, "required": False, **parameter}
        for key, parameter in definition.get("parameters", {}).items()
    }
    return definition, logic


def _with_full_metadata(
    actions: list[tuple[dict[str, Any], list[Any] | None]], full: Mapping[str, Any]
) -> list[tuple[dict[str, Any], list[Any] | None]]:
    """As the whole ontology's metadata has them: logic rules apart from the action types."""
    rules = {name: given["fullLogicRules"] for name, given in full.items()}
    return [(given, logic or rules.get(given["apiName"])) for given, logic in actions]


def _require_types(actions: Iterable[Mapping[str, Any]]) -> None:
    for action in actions:
        for name, parameter in action["parameters"].items():
            if "type" not in parameter.get("dataType", {}):
                raise ValueError(f"action type {action['apiName']!r}: no type for {name!r}")


def _object_types(data: Mapping[str, Any], actions: list[dict[str, Any]]) -> dict[str, ObjectType]:
    found = {}
    for given in _items(data.get("objectTypes", [])):
        definition = _complete_object_type(given.get("objectType", given))
        found[definition["apiName"]] = compile_object_type(definition)
    for name, properties, key in _mentioned(actions):
        if name not in found:
            described = {"apiName": name, "primaryKey": key, "properties": properties}
            found[name] = compile_object_type(_complete_object_type(described))
    return found


def _complete_object_type(given: Mapping[str, Any]) -> dict[str, Any]:
    name, key = given["apiName"], given.get("primaryKey")
    if key not in given.get("properties", {}):
        raise ValueError(f"object type {name!r}: its primary key {key!r} is no property of it")
    properties = {
        each: {"displayName": each, "rid": rid("ontology", "property", name, each), **described}
        for each, described in given["properties"].items()
    }
    return {
        "displayName": name,
        "pluralDisplayName": f"{name}s",
        "status": "ACTIVE",
        "icon": {"type": "blueprint", "name": "cube", "color": "#4C90F0"},
        "titleProperty": key,
        "rid": rid("ontology", "object-type", name),
        **given,
        "properties": properties,
    }


def _mentioned(actions: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Object types as the action types let guess them: those that are created come first."""
    for action in actions:
        for operation in action["operations"]:
            if operation["type"] == "createObject":
                yield _guess_created(operation["objectTypeApiName"], action["parameters"])
    for action in actions:
        for parameter in action["parameters"].values():
            if parameter["dataType"]["type"] == "object":
                name = parameter["dataType"]["objectTypeApiName"]
                yield name, {"id": {"dataType": {"type": "string"}}}, "id"


def _guess_created(name: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any], str]:
    properties = {
        key: {"dataType": _as_property(parameter["dataType"])}
        for key, parameter in parameters.items()
    }
    likely = {f"{name}id".lower(), f"{name}_id".lower(), "id"}
    keys = [key for key in properties if key.lower() in likely]
    keys += [key for key, given in parameters.items() if given["required"]]
    if not keys:
        return name, {"id": {"dataType": {"type": "string"}}, **properties}, "id"
    return name, properties, keys[0]


def _as_property(data_type: Mapping[str, Any]) -> dict[str, Any]:
    """A property holds the key of what a parameter refers to."""
    if data_type["type"] == "object":
        return {"type": "string"}
    if data_type["type"] == "array":
        return {"type": "array", "subType": _as_property(data_type["subType"])}
    return dict(data_type)


def _action_types(
    actions: list[tuple[dict[str, Any], list[Any] | None]], objects: Mapping[str, ObjectType]
) -> Iterator[tuple[str, ActionType]]:
    for definition, given in actions:
        name = definition["apiName"]
        logic = given if given is not None else list(_logic_of(definition, objects))
        try:
            yield name, compile_action_type(definition, tuple(logic), objects)
        except (KeyError, TypeError) as fault:
            raise ValueError(f"action type {name!r}: {fault!r} is missing or wrong") from fault


def _logic_of(
    definition: Mapping[str, Any], objects: Mapping[str, ObjectType]
) -> Iterator[dict[str, Any]]:
    """Logic rules from the plain operations: properties are set from parameters of the same name."""
    parameters = definition["parameters"]
    for operation in definition["operations"]:
        object_type = operation.get("objectTypeApiName")
        references = [
            name
            for name, given in parameters.items()
            if given["dataType"]["type"] == "object"
            and given["dataType"]["objectTypeApiName"] == object_type
        ]
        arguments = {
            name: {"type": "parameterId", "parameterId": name}
            for name in parameters
            if object_type in objects and name in objects[object_type].properties
        }
        kind = operation["type"]
        rule = {"type": kind, "propertyArguments": arguments, "structPropertyArguments": {}}
        if kind == "createObject":
            yield {**rule, "objectTypeApiName": object_type}
        elif kind == "modifyObject" and references:
            yield {**rule, "objectToModify": references[0]}
        elif kind == "deleteObject" and references:
            yield {"type": kind, "objectToDelete": references[0]}
