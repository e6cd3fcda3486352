"""The ontology that the shipped contracts are written against: a help desk, and equipment in the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Shape = dict[str, Any]


def _type(kind: str, **more: Any) -> Shape:
    return {"type": kind, **more}


def _reference(object_type: str) -> Shape:
    return _type("object", objectApiName=object_type, objectTypeApiName=object_type)


def _parameter(data_type: Shape, *, required: bool = True, options: tuple[str, ...] = ()) -> Shape:
    given: Shape = {"dataType": data_type, "required": required}
    if options:
        allowed = {
            "type": "oneOf",
            "options": [{"displayName": option, "value": option} for option in options],
            "otherValuesAllowed": False,
        }
        given["validation"] = {"defaultValidation": {"allowedValues": allowed}}
    return given


STRING, TIMESTAMP, LONG, DOUBLE = map(_type, ("string", "timestamp", "long", "double"))
GEOPOINT = _type("geohash")
PRIORITIES = ("low", "high")
STATUSES = ("working", "faulty")


def _object_type(name: str, primary_key: str, **properties: Shape) -> Shape:
    return {
        "apiName": name,
        "primaryKey": primary_key,
        "properties": {key: {"dataType": data_type} for key, data_type in properties.items()},
    }


def _action_type(
    name: str, description: str, parameters: Mapping[str, Shape], operation: Shape, rule: Shape
) -> Shape:
    definition = {
        "apiName": name,
        "displayName": description.rstrip("."),
        "description": description,
        "parameters": parameters,
        "operations": [operation] if operation else [],
    }
    return {"actionType": definition, "fullLogicRules": [rule]}


def _from(*parameters: str, **others: Shape) -> Shape:
    """Properties set from parameters of the same name, and from what else is named."""
    same = {name: {"type": "parameterId", "parameterId": name} for name in parameters}
    return {"propertyArguments": {**same, **others}, "structPropertyArguments": {}}


def _creates(name: str, description: str, object_type: str, given: Shape, **others: Shape) -> Shape:
    touches = {"type": "createObject", "objectTypeApiName": object_type}
    return _action_type(name, description, given, touches, {**touches, **_from(*given, **others)})


def _modifies(
    name: str, description: str, object_type: str, reference: str, given: Shape, **others: Shape
) -> Shape:
    parameters = {reference: _parameter(_reference(object_type)), **given}
    touches = {"type": "modifyObject", "objectTypeApiName": object_type}
    rule = {"type": "modifyObject", "objectToModify": reference, **_from(*given, **others)}
    return _action_type(name, description, parameters, touches, rule)


def _calls(name: str, description: str, given: Shape) -> Shape:
    """A function that acts on the world outside: its effect is the line in the effect log."""
    inputs = {key: {"type": "parameterId", "parameterId": key} for key in given}
    rule = {
        "type": "function",
        "functionRid": f"ri.function-registry.main.function.{name}",
        "functionVersion": "1.0.0",
        "functionInputValues": inputs,
    }
    return _action_type(name, description, given, {}, rule)


TICKET = _object_type(
    "Ticket",
    "ticketId",
    ticketId=STRING,
    title=STRING,
    priority=STRING,
    status=STRING,
    note=STRING,
    resolution=STRING,
    openedAt=TIMESTAMP,
    closedAt=TIMESTAMP,
    equipment=STRING,
)
COMMENT = _object_type(
    "TicketComment",
    "commentId",
    commentId=STRING,
    ticket=STRING,
    author=STRING,
    text=STRING,
    writtenAt=TIMESTAMP,
    eventId=STRING,
)
EQUIPMENT = _object_type(
    "Equipment",
    "equipmentId",
    equipmentId=STRING,
    model=STRING,
    status=STRING,
    installedAt=TIMESTAMP,
    measuredAt=TIMESTAMP,
    temperatureCelsius=DOUBLE,
    runningMilliseconds=LONG,
    position=_type("geopoint"),
)

ONTOLOGY: Shape = {
    "ontology": {
        "apiName": "fieldwork",
        "displayName": "Field work",
        "description": "A help desk, and the equipment that it looks after.",
    },
    "objectTypes": [TICKET, COMMENT, EQUIPMENT],
    "actionTypes": [
        _creates(
            "create-ticket",
            "Create a ticket.",
            "Ticket",
            {
                "ticketId": _parameter(STRING),
                "title": _parameter(STRING),
                "priority": _parameter(STRING, options=PRIORITIES),
                "openedAt": _parameter(TIMESTAMP),
                "equipment": _parameter(_reference("Equipment"), required=False),
            },
            status={"type": "staticValue", "value": "open"},
        ),
        _modifies(
            "set-ticket-priority",
            "Set the priority of a ticket.",
            "Ticket",
            "ticket",
            {
                "priority": _parameter(STRING, options=PRIORITIES),
                "note": _parameter(STRING, required=False),
            },
        ),
        _modifies(
            "close-ticket",
            "Close a ticket.",
            "Ticket",
            "ticket",
            {
                "closedAt": _parameter(TIMESTAMP),
                "resolution": _parameter(STRING, required=False),
            },
            status={"type": "staticValue", "value": "closed"},
        ),
        _creates(
            "add-ticket-comment",
            "Add a comment to a ticket.",
            "TicketComment",
            {
                "ticket": _parameter(_reference("Ticket")),
                "author": _parameter(STRING),
                "text": _parameter(STRING),
                "writtenAt": _parameter(TIMESTAMP),
                "eventId": _parameter(STRING),
            },
            commentId={"type": "uniqueIdentifier"},
        ),
        _calls(
            "notify-on-call",
            "Page the person on call about a ticket.",
            {"ticket": _parameter(_reference("Ticket")), "message": _parameter(STRING)},
        ),
        _creates(
            "register-equipment",
            "Register a piece of equipment that was installed.",
            "Equipment",
            {
                "equipmentId": _parameter(STRING),
                "model": _parameter(STRING),
                "installedAt": _parameter(TIMESTAMP),
                "position": _parameter(GEOPOINT, required=False),
            },
            status={"type": "staticValue", "value": "working"},
        ),
        _modifies(
            "record-reading",
            "Set the latest reading of a piece of equipment.",
            "Equipment",
            "equipment",
            {
                "measuredAt": _parameter(TIMESTAMP),
                "temperatureCelsius": _parameter(DOUBLE),
                "runningMilliseconds": _parameter(LONG),
            },
        ),
        _modifies(
            "set-equipment-status",
            "Set the status of a piece of equipment.",
            "Equipment",
            "equipment",
            {"status": _parameter(STRING, options=STATUSES)},
        ),
        _calls(
            "dispatch-technician",
            "Send a technician to a piece of equipment.",
            {
                "equipment": _parameter(_reference("Equipment")),
                "faultCode": _parameter(STRING),
                "reportedAt": _parameter(TIMESTAMP),
            },
        ),
    ],
}
