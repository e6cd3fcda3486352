"""An ontology with what the shipped one does not have: every parameter type, constraints, every rule."""

from __future__ import annotations

from typing import Any


def parameter(data_type: Any, *, required: bool = False, allowed: Any = None) -> dict[str, Any]:
    given: dict[str, Any] = {
        "dataType": {"type": data_type} if isinstance(data_type, str) else data_type,
        "required": required,
    }
    if allowed is not None:
        given["validation"] = {"defaultValidation": allowed}
    return given


def reference(object_type: str) -> dict[str, Any]:
    return {"type": "object", "objectApiName": object_type, "objectTypeApiName": object_type}


def given(*names: str) -> dict[str, Any]:
    return {name: {"type": "parameterId", "parameterId": name} for name in names}


def rule(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "propertyArguments": {}, "structPropertyArguments": {}, **more}


FIELDS = [
    {"name": "street", "fieldType": {"type": "string"}, "required": True},
    {"name": "number", "fieldType": {"type": "integer"}, "required": False},
]
TYPES: dict[str, Any] = {
    "aString": "string",
    "anInteger": "integer",
    "aLong": "long",
    "aDouble": "double",
    "aDecimal": "decimal",
    "aBoolean": "boolean",
    "aDate": "date",
    "aTimestamp": "timestamp",
    "aMarking": "marking",
    "anAttachment": "attachment",
    "aPoint": "geohash",
    "aShape": "geoshape",
    "aVector": {"type": "vector", "dimension": 2, "supportsSearchWith": []},
    "aSeries": "timeSeriesReference",
    "aMedia": "mediaReference",
    "aSet": "objectSet",
    "aType": "objectType",
    "anInterface": "interfaceObject",
    "aStruct": {"type": "struct", "fields": FIELDS},
    "aList": {"type": "array", "subType": {"type": "long"}},
}

PART = {
    "apiName": "Part",
    "primaryKey": "serial",
    "properties": {
        "serial": {"dataType": {"type": "integer"}},
        "name": {"dataType": {"type": "string"}},
        "weight": {"dataType": {"type": "double"}},
        "mileage": {"dataType": {"type": "long"}},
        "madeAt": {"dataType": {"type": "timestamp"}},
        "tags": {"dataType": {"type": "array", "subType": {"type": "string"}}},
        "owner": {"dataType": {"type": "string"}},
        "stamp": {"dataType": {"type": "string"}},
        "twin": {"dataType": {"type": "string"}},
    },
}


def text(**more: Any) -> dict[str, Any]:
    return {"allowedValues": {"type": "text", **more}}


def bounds(**more: Any) -> dict[str, Any]:
    static = {name: {"type": "static", "value": value} for name, value in more.items()}
    return {"allowedValues": {"type": "range", **static}}


def since(moment: str) -> dict[str, Any]:
    fixed = {"type": "fixed", "value": {"type": "static", "value": moment}}
    return {"allowedValues": {"type": "datetime", "gte": fixed}}


CHECKED = {
    "code": parameter("string", allowed=text(gte=2, lte=4, regex="[A-Z]+")),
    "grams": parameter("integer", allowed=bounds(gt=0, lte=100)),
    "mileage": parameter("long", allowed=bounds(lt="9007199254740993")),
    "from": parameter("timestamp", allowed=since("2026-01-01T00:00:00Z")),
    "tags": parameter(
        {"type": "array", "subType": {"type": "string"}},
        allowed={**text(lte=3), "arraySize": {"gte": 1, "lte": 2}},
    ),
    "nothing": parameter("string", allowed={"allowedValues": {"type": "mustBeEmpty"}}),
}

ACTIONS: list[dict[str, Any]] = [
    {
        "actionType": {
            "apiName": "measure",
            "parameters": {name: parameter(data_type) for name, data_type in TYPES.items()},
        },
        "fullLogicRules": [],
    },
    {"actionType": {"apiName": "check", "parameters": CHECKED}, "fullLogicRules": []},
    {
        "actionType": {
            "apiName": "odd",
            "parameters": {"thing": parameter("somethingNew"), "name": parameter("string")},
        },
        "fullLogicRules": [],
    },
    {
        "actionType": {
            "apiName": "make",
            "parameters": {
                "serial": parameter("integer", required=True),
                "name": parameter("string"),
                "weight": parameter("double"),
                "mileage": parameter("long"),
                "madeAt": parameter("timestamp"),
                "tags": parameter({"type": "array", "subType": {"type": "string"}}),
            },
        },
        "fullLogicRules": [
            rule(
                "createObject",
                objectTypeApiName="Part",
                propertyArguments={
                    **given("serial", "name", "weight", "mileage", "madeAt", "tags"),
                    "owner": {"type": "currentUser"},
                    "stamp": {"type": "uniqueIdentifier", "linkId": "one"},
                    "twin": {"type": "uniqueIdentifier", "linkId": "one"},
                },
            )
        ],
    },
    {
        "actionType": {
            "apiName": "make-or-mend",
            "parameters": {
                "part": parameter(reference("Part")),
                "serial": parameter("integer"),
                "name": parameter("string"),
            },
        },
        "fullLogicRules": [
            rule(
                "createOrModifyObjectV2",
                objectToModify="part",
                propertyArguments=given("serial", "name"),
            )
        ],
    },
    {
        "actionType": {
            "apiName": "put",
            "parameters": {
                "serial": parameter("integer", required=True),
                "name": parameter("string"),
            },
        },
        "fullLogicRules": [
            rule(
                "createOrModifyObject",
                objectTypeApiName="Part",
                propertyArguments=given("serial", "name"),
            )
        ],
    },
    {
        "actionType": {
            "apiName": "scrap",
            "parameters": {"part": parameter(reference("Part"), required=True)},
        },
        "fullLogicRules": [{"type": "deleteObject", "objectToDelete": "part"}],
    },
    {
        "actionType": {
            "apiName": "copy-name",
            "parameters": {
                "part": parameter(reference("Part"), required=True),
                "model": parameter(reference("Part"), required=True),
            },
        },
        "fullLogicRules": [
            rule(
                "modifyObject",
                objectToModify="part",
                propertyArguments={
                    "name": {
                        "type": "objectParameterPropertyValue",
                        "parameterId": "model",
                        "propertyTypeApiName": "name",
                    }
                },
            )
        ],
    },
    {
        "actionType": {
            "apiName": "link",
            "parameters": {
                "part": parameter(reference("Part"), required=True),
                "to": parameter(reference("Part"), required=True),
            },
        },
        "fullLogicRules": [
            {
                "type": "createLink",
                "linkTypeApiName": "partOf",
                "sourceObject": "part",
                "targetObject": "to",
            }
        ],
    },
    {"actionType": {"apiName": "odd/name %2F", "parameters": {}}, "fullLogicRules": []},
]

WORKSHOP: dict[str, Any] = {
    "ontology": {"apiName": "workshop"},
    "objectTypes": [PART],
    "actionTypes": ACTIONS,
    "objects": {"Part": [{"serial": 1, "name": "bolt"}, {"serial": 2, "name": "nut"}]},
}
