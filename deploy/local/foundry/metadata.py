"""What an ontology says of itself, and its objects as they are read: the GET side of the API."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.local.foundry.objects import Objects
from deploy.local.foundry.ontology import ActionType, ObjectType, Ontology
from deploy.local.foundry.search import comparable_as, compile_query
from deploy.local.foundry.wire import (
    Refusal,
    Reply,
    decode,
    ok,
    only_fields,
    unprocessable,
)

TYPES_PAGE, OBJECTS_PAGE = 500, 1000
SEARCH = frozenset(
    {
        "where",
        "orderBy",
        "pageSize",
        "pageToken",
        "select",
        "selectV2",
        "defaultLoadLevel",
        "loadOntologyDefinedDerivedProperties",
        "excludeRid",
        "snapshot",
        "referenceSigningOptions",
    }
)
Query = Mapping[str, str]


def list_ontologies(ontology: Ontology) -> Reply:
    return ok({"data": [ontology.definition]})


def list_action_types(ontology: Ontology, query: Query) -> Reply:
    definitions = [action.definition for action in ontology.action_types.values()]
    return ok(_page(definitions, query.get("pageSize"), query.get("pageToken"), TYPES_PAGE))


def list_object_types(ontology: Ontology, query: Query) -> Reply:
    definitions = [kind.definition for kind in ontology.object_types.values()]
    return ok(_page(definitions, query.get("pageSize"), query.get("pageToken"), TYPES_PAGE))


def action_type_by_rid(ontology: Ontology, action_rid: str) -> Reply:
    for action in ontology.action_types.values():
        if action.rid == action_rid:
            return ok(action.definition)
    raise Refusal("NOT_FOUND", "ActionTypeNotFound", {"rid": action_rid})


def full_metadata(action: ActionType) -> Reply:
    return ok({"actionType": action.definition, "fullLogicRules": action.logic})


def whole_ontology(ontology: Ontology) -> Reply:
    """Every list is there, as the type wants it, though most are empty here."""
    object_types = {
        name: {
            "objectType": kind.definition,
            "linkTypes": [],
            "implementsInterfaces": [],
            "implementsInterfaces2": {},
            "sharedPropertyTypeMapping": {},
        }
        for name, kind in ontology.object_types.items()
    }
    actions = {name: action.definition for name, action in ontology.action_types.items()}
    nothing: dict[str, Any] = {}
    return ok(
        {
            "ontology": ontology.definition,
            "objectTypes": object_types,
            "actionTypes": actions,
            "actionTypesFullMetadata": nothing,
            "queryTypes": nothing,
            "interfaceTypes": nothing,
            "sharedPropertyTypes": nothing,
            "valueTypes": nothing,
        }
    )


def get_object(objects: Objects, kind: ObjectType, segment: str, select: Sequence[str]) -> Reply:
    key = kind.key_from_path(segment)
    found = objects.get(kind.name, key)
    if found is None:
        raise Refusal(
            "NOT_FOUND",
            "ObjectNotFound",
            {"objectType": kind.name, "primaryKey": {kind.primary_key: key}},
        )
    return ok(_selected(objects.shown(kind, found), select))


def list_objects(objects: Objects, kind: ObjectType, query: Query, select: Sequence[str]) -> Reply:
    found = objects.all(kind.name)
    for part in reversed([part for part in query.get("orderBy", "").split(",") if part]):
        name, _, direction = part.removeprefix("properties.").removeprefix("p.").partition(":")
        found = _ordered(found, kind, name, direction)
    return _found(objects, kind, found, select, query.get("pageSize"), query.get("pageToken"))


def search_objects(objects: Objects, kind: ObjectType, body: bytes) -> Reply:
    """Raises Refusal for a body that is not a search request."""
    given = only_fields(decode(body), SEARCH)
    select = given.get("select")
    if not isinstance(select, list):
        unprocessable()
    found = objects.all(kind.name)
    if given.get("where") is not None:
        wanted = compile_query(given["where"], kind)
        found = [each for each in found if wanted(each)]
    ordering = (given.get("orderBy") or {}).get("fields", [])
    for each in reversed(ordering):
        found = _ordered(found, kind, each["field"], each.get("direction", "asc"))
    return _found(objects, kind, found, select, given.get("pageSize"), given.get("pageToken"))


def _ordered(
    found: list[dict[str, Any]], kind: ObjectType, name: str, direction: str
) -> list[dict[str, Any]]:
    """Objects without a value come last, whichever way."""
    if name not in kind.properties:
        raise Refusal(
            "NOT_FOUND", "PropertiesNotFound", {"objectType": kind.name, "properties": [name]}
        )
    comparable = comparable_as(kind.properties[name]["dataType"]["type"])
    valued = [each for each in found if each.get(name) is not None]
    rest = [each for each in found if each.get(name) is None]
    valued.sort(key=lambda each: comparable(each[name]), reverse=direction == "desc")
    return valued + rest


def _found(
    objects: Objects,
    kind: ObjectType,
    found: list[dict[str, Any]],
    select: Sequence[str],
    size: Any,
    token: Any,
) -> Reply:
    shown = [_selected(objects.shown(kind, each), select) for each in found]
    return ok({**_page(shown, size, token, OBJECTS_PAGE), "totalCount": str(len(found))})


def _selected(shown: dict[str, Any], select: Sequence[str]) -> dict[str, Any]:
    if not select:
        return shown
    return {key: value for key, value in shown.items() if key in select or key.startswith("__")}


def _page(items: list[Any], size: Any, token: Any, default: int) -> dict[str, Any]:
    """One page. Raises Refusal for a size below one, and for a token that was not given out here."""
    try:
        length = int(size) if size is not None else default
    except (ValueError, TypeError):
        unprocessable()
    if length < 1:
        raise Refusal("INVALID_ARGUMENT", "InvalidPageSize", {"pageSize": length})
    start = _start(token)
    end = start + length
    page: dict[str, Any] = {"data": items[start:end]}
    if end < len(items):
        page["nextPageToken"] = base64.urlsafe_b64encode(f"from {end}".encode()).decode()
    return page


def _start(token: Any) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).removeprefix(b"from "))
    except (binascii.Error, ValueError, TypeError) as fault:
        raise Refusal("INVALID_ARGUMENT", "InvalidPageToken", {"pageToken": token}) from fault
