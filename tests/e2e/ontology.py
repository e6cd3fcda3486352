"""The ontology that the contracts of these tests fit; negative numbers are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAME = "drill"
NOT_NEGATIVE = {"type": "static", "value": 0}
PARAMETERS: Mapping[str, Any] = {
    "record": {"dataType": {"type": "string"}, "required": True},
    "lane": {"dataType": {"type": "string"}, "required": True},
    "number": {
        "dataType": {"type": "integer"},
        "required": True,
        "validation": {
            "defaultValidation": {"allowedValues": {"type": "range", "gte": NOT_NEGATIVE}}
        },
    },
}
PROPERTIES = {name: {"dataType": given["dataType"]} for name, given in PARAMETERS.items()}


def _action_type(name: str, rule: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Without a rule its effect is a line in the effect log, as that of a function."""
    definition = {"apiName": name, "parameters": PARAMETERS}
    return {"actionType": definition, "fullLogicRules": [rule] if rule else []}


def _creates(object_type: str, **others: Any) -> dict[str, Any]:
    same = {name: {"type": "parameterId", "parameterId": name} for name in PARAMETERS}
    return {
        "type": "createObject",
        "objectTypeApiName": object_type,
        "propertyArguments": {**same, **others},
        "structPropertyArguments": {},
    }


ONTOLOGY: Mapping[str, Any] = {
    "ontology": {"apiName": NAME},
    "objectTypes": [
        {"apiName": "Entry", "primaryKey": "record", "properties": PROPERTIES},
        {
            "apiName": "Note",
            "primaryKey": "noteId",
            "properties": {"noteId": {"dataType": {"type": "string"}}, **PROPERTIES},
        },
    ],
    "actionTypes": [
        _action_type("set-gauge"),
        _action_type("pay-out"),
        _action_type("page-on-call"),
        _action_type("open-entry", _creates("Entry")),
        _action_type("add-note", _creates("Note", noteId={"type": "uniqueIdentifier"})),
    ],
}
