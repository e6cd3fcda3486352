"""An ontology, compiled once so that a request costs little: object types, action types, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.foundry.constraints import Constraint, compile_constraints
from deploy.local.foundry.rules import Rule, compile_rules
from deploy.local.foundry.values import Check, compile_check
from deploy.local.foundry.wire import Refusal, encode


@dataclass(frozen=True, slots=True)
class ObjectType:
    """An object type; `definition` is what the metadata endpoints answer."""

    name: str
    primary_key: str
    accepts_key: Check
    properties: Mapping[str, Mapping[str, Any]]
    definition: Mapping[str, Any]

    def key_from_path(self, segment: str) -> Any:
        """The primary key as its own type, from the text of a path segment."""
        kind = self.properties[self.primary_key]["dataType"]["type"]
        if kind in {"integer", "short", "byte"} and segment.lstrip("-").isdecimal():
            return int(segment)
        return segment == "true" if kind == "boolean" else segment


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an action type."""

    name: str
    data_type: Mapping[str, Any]
    required: bool
    accepts: Check | None
    """None: this API does not support its type."""
    constraints: tuple[Constraint, ...]

    def require_encoding(self, value: Any) -> None:
        """Raises Refusal unless `value` is encoded as the type wants."""
        kind = self.data_type["type"]
        if self.accepts is None:
            raise Refusal(
                "INVALID_ARGUMENT",
                "ParameterTypeNotSupported",
                {"parameterId": self.name, "parameterBaseType": kind},
            )
        if not self.accepts(value):
            raise Refusal(
                "INVALID_ARGUMENT",
                "InvalidParameterValue",
                {
                    "parameterId": self.name,
                    "parameterBaseType": kind,
                    "parameterDataType": self.data_type,
                    "parameterValue": value,
                },
            )

    def allows(self, value: Any) -> bool:
        """True where presence and constraints are as the action type wants."""
        if value is None:
            return not self.required
        return all(constraint.holds(value) for constraint in self.constraints)

    def evaluation(self, *, valid: bool) -> dict[str, Any]:
        return {
            "result": "VALID" if valid else "INVALID",
            "evaluatedConstraints": [constraint.evaluated for constraint in self.constraints],
            "required": self.required,
        }


@dataclass(frozen=True, slots=True)
class ActionType:
    """An action type with what it does."""

    name: str
    rid: str
    definition: Mapping[str, Any]
    logic: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Parameter]
    required: frozenset[str]
    references: tuple[tuple[str, str], ...]
    """Parameters that refer to an object, with its type."""
    rules: tuple[Rule, ...]
    key: str | None
    """The parameter that names the object: the effect log counts by it."""
    valid: bytes
    """The validation block of a request that is all right, as JSON."""

    def refused(self, given: Mapping[str, Any]) -> frozenset[str]:
        """The parameters that make the validation INVALID; none: it is VALID.

        Raises:
            Refusal: a parameter is unknown, or not encoded as its type wants.
        """
        if not given.keys() <= self.parameters.keys():
            self._refuse_unknown(given)
        bad = self.required - given.keys()
        for name, value in given.items():
            parameter = self.parameters[name]
            if value is not None and (parameter.accepts is None or not parameter.accepts(value)):
                parameter.require_encoding(value)
            if (value is None or parameter.constraints) and not parameter.allows(value):
                bad |= {name}
        return bad

    def _refuse_unknown(self, given: Mapping[str, Any]) -> None:
        raise Refusal(
            "INVALID_ARGUMENT",
            "ParametersNotFound",
            {
                "actionType": self.name,
                "unknownParameterIds": sorted(given.keys() - self.parameters.keys()),
                "configuredParameterIds": list(self.parameters),
            },
        )

    def invalid(self, bad: frozenset[str], criterion: str | None = None) -> dict[str, Any]:
        """The validation block that names the bad parameters, or a submission criterion."""
        failed = {"configuredFailureMessage": criterion, "result": "INVALID"}
        return {
            "result": "INVALID",
            "submissionCriteria": [] if criterion is None else [failed],
            "parameters": {
                name: parameter.evaluation(valid=name not in bad)
                for name, parameter in self.parameters.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Ontology:
    """What one stack knows."""

    definition: Mapping[str, Any]
    object_types: Mapping[str, ObjectType]
    action_types: Mapping[str, ActionType]
    objects: Mapping[str, list[dict[str, Any]]]
    """What is there from the start, by object type."""

    def answers_to(self, name: str) -> bool:
        """True for its API name and for its RID."""
        return name in {self.definition["apiName"], self.definition["rid"]}

    def action_type(self, name: str) -> ActionType:
        found = self.action_types.get(name)
        if found is None:
            raise Refusal("NOT_FOUND", "ActionTypeNotFound", {"actionType": name})
        return found

    def object_type(self, name: str) -> ObjectType:
        found = self.object_types.get(name)
        if found is None:
            raise Refusal("NOT_FOUND", "ObjectTypeNotFound", {"objectType": name})
        return found


def compile_object_type(definition: Mapping[str, Any]) -> ObjectType:
    key = definition["primaryKey"]
    check = compile_check(definition["properties"][key]["dataType"], {})
    if check is None:
        raise ValueError(f"object type {definition['apiName']!r}: no key can be of its key's type")
    return ObjectType(definition["apiName"], key, check, definition["properties"], definition)


def compile_action_type(
    definition: Mapping[str, Any],
    logic: tuple[Mapping[str, Any], ...],
    object_types: Mapping[str, ObjectType],
) -> ActionType:
    keys = {name: kind.accepts_key for name, kind in object_types.items()}
    parameters = {
        name: _compile_parameter(name, given, keys)
        for name, given in definition["parameters"].items()
    }
    primary_keys = {name: kind.primary_key for name, kind in object_types.items()}
    rules, key = compile_rules(definition, logic, primary_keys)
    required = frozenset(name for name, parameter in parameters.items() if parameter.required)
    valid = {
        "result": "VALID",
        "submissionCriteria": [],
        "parameters": {name: p.evaluation(valid=True) for name, p in parameters.items()},
    }
    return ActionType(
        name=definition["apiName"],
        rid=definition["rid"],
        definition=definition,
        logic=logic,
        parameters=parameters,
        required=required,
        references=tuple(
            (name, parameter.data_type["objectTypeApiName"])
            for name, parameter in parameters.items()
            if parameter.data_type["type"] == "object"
        ),
        rules=rules,
        key=key or next((name for name in parameters if name in required), None),
        valid=encode(valid),
    )


def _compile_parameter(name: str, given: Mapping[str, Any], keys: Mapping[str, Check]) -> Parameter:
    data_type = given["dataType"]
    return Parameter(
        name=name,
        data_type=data_type,
        required=given["required"],
        accepts=compile_check(data_type, keys),
        constraints=compile_constraints(given.get("validation") or {}, data_type),
    )
