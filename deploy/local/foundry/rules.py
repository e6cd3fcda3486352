"""What an action type does to objects: its logic rules, compiled to functions that name the edits."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

EditKind = Literal["addObject", "modifyObject", "deleteObject", "addLink", "deleteLink"]


class Edit(NamedTuple):
    """One change to one object; `parameter` is the reference that named it, if one did."""

    kind: EditKind
    object_type: str
    key: Any
    properties: Mapping[str, Any]
    parameter: str | None = None
    linked: tuple[str, Any, str] | None = None
    """Of a link: the other object's type and key, and the link type."""


@dataclass(slots=True)
class Occasion:
    """What one action is applied with, beside its parameters."""

    time: str
    user: str
    look_up: Callable[[str, Any], Mapping[str, Any] | None]
    identifiers: dict[str, str] = field(default_factory=dict)


class Absent:
    """No value was given, which is not the same as null."""


ABSENT = Absent()
Argument = Callable[[Mapping[str, Any], Occasion], Any]
Rule = Callable[[Mapping[str, Any], Occasion], Edit]
"""An edit whose key is None touches nothing: its optional reference was not given."""


def compile_rules(
    definition: Mapping[str, Any],
    logic: tuple[Mapping[str, Any], ...],
    primary_keys: Mapping[str, str],
) -> tuple[tuple[Rule, ...], str | None]:
    """The rules that edit something, and the parameter that names the edited object.

    Functions and rules on interfaces edit nothing here: their effect is the line in the effect log.
    """
    compiler = _Compiler(definition["parameters"], primary_keys)
    rules = [rule for rule in map(compiler.compile, logic) if rule is not None]
    return tuple(rules), compiler.key


class _Compiler:
    """Compiles the rules of one action type."""

    def __init__(
        self, parameters: Mapping[str, Mapping[str, Any]], primary_keys: Mapping[str, str]
    ) -> None:
        self._parameters = parameters
        self._primary_keys = primary_keys
        self.key: str | None = None

    def compile(self, rule: Mapping[str, Any]) -> Rule | None:
        match rule["type"]:
            case "createObject":
                compiled = self._create(rule["objectTypeApiName"], rule)
            case "createOrModifyObject":
                compiled = self._upsert(rule["objectTypeApiName"], rule)
            case "createOrModifyObjectV2":
                compiled = self._create_or_modify(rule)
            case "modifyObject":
                compiled = self._modify(rule["objectToModify"], rule)
            case "deleteObject":
                compiled = self._delete(rule["objectToDelete"])
            case "createLink":
                compiled = self._link("addLink", rule)
            case "deleteLink":
                compiled = self._link("deleteLink", rule)
            case _:
                return None
        return compiled

    def _create(self, object_type: str, rule: Mapping[str, Any]) -> Rule:
        arguments = self._arguments(rule, object_type)
        primary_key = self._primary_keys[object_type]

        def create(given: Mapping[str, Any], occasion: Occasion) -> Edit:
            values = _values(arguments, given, occasion)
            if values.get(primary_key) is None:
                values[primary_key] = str(uuid.uuid4())
            return Edit("addObject", object_type, values[primary_key], values)

        return create

    def _upsert(self, object_type: str, rule: Mapping[str, Any]) -> Rule:
        create = self._create(object_type, rule)

        def upsert(given: Mapping[str, Any], occasion: Occasion) -> Edit:
            edit = create(given, occasion)
            exists = occasion.look_up(object_type, edit.key) is not None
            return edit._replace(kind="modifyObject") if exists else edit

        return upsert

    def _create_or_modify(self, rule: Mapping[str, Any]) -> Rule:
        """It is the reference being set that decides, not whether the object exists."""
        reference = rule["objectToModify"]
        modify = self._modify(reference, rule)
        create = self._create(self._type_of(reference), rule)
        return lambda given, occasion: (create if given.get(reference) is None else modify)(
            given, occasion
        )

    def _modify(self, reference: str, rule: Mapping[str, Any]) -> Rule:
        self.key = reference
        object_type = self._type_of(reference)
        arguments = self._arguments(rule, None)
        return lambda given, occasion: Edit(
            "modifyObject",
            object_type,
            given.get(reference),
            _values(arguments, given, occasion),
            reference,
        )

    def _delete(self, reference: str) -> Rule:
        self.key = reference
        object_type = self._type_of(reference)
        return lambda given, _: Edit(
            "deleteObject", object_type, given.get(reference), {}, reference
        )

    def _link(self, kind: EditKind, rule: Mapping[str, Any]) -> Rule:
        source, target = rule["sourceObject"], rule["targetObject"]
        source_type, target_type = self._type_of(source), self._type_of(target)
        link_type = rule["linkTypeApiName"]
        return lambda given, _: Edit(
            kind,
            source_type,
            given.get(source),
            {},
            source,
            (target_type, given.get(target), link_type),
        )

    def _type_of(self, reference: str) -> str:
        name: str = self._parameters[reference]["dataType"]["objectTypeApiName"]
        return name

    def _arguments(self, rule: Mapping[str, Any], creates: str | None) -> dict[str, Argument]:
        given = rule["propertyArguments"]
        if creates is not None:
            key = given.get(self._primary_keys[creates], {})
            self.key = key.get("parameterId", self.key)
        return {name: self._argument(argument) for name, argument in given.items()}

    def _argument(self, argument: Mapping[str, Any]) -> Argument:
        """Outputs of webhooks and the like are never given here."""
        match argument["type"]:
            case "parameterId":
                compiled = _parameter(argument["parameterId"])
            case "staticValue":
                compiled = _static(argument["value"])
            case "currentTime":
                compiled = _now
            case "currentUser":
                compiled = _user
            case "uniqueIdentifier":
                compiled = _unique_identifier(argument.get("linkId"))
            case "objectParameterPropertyValue":
                compiled = self._property_of(
                    argument["parameterId"], argument["propertyTypeApiName"]
                )
            case _:
                compiled = _static(ABSENT)
        return compiled

    def _property_of(self, reference: str, name: str) -> Argument:
        object_type = self._type_of(reference)

        def read(given: Mapping[str, Any], occasion: Occasion) -> Any:
            found = occasion.look_up(object_type, given.get(reference))
            return ABSENT if found is None else found.get(name, ABSENT)

        return read


def _values(
    arguments: Mapping[str, Argument], given: Mapping[str, Any], occasion: Occasion
) -> dict[str, Any]:
    values = {}
    for name, argument in arguments.items():
        value = argument(given, occasion)
        if value is not ABSENT:
            values[name] = value
    return values


def _parameter(name: str) -> Argument:
    return lambda given, _: given.get(name, ABSENT)


def _static(value: Any) -> Argument:
    return lambda _given, _occasion: value


def _now(_given: Mapping[str, Any], occasion: Occasion) -> Any:
    return occasion.time


def _user(_given: Mapping[str, Any], occasion: Occasion) -> Any:
    return occasion.user


def _unique_identifier(link: str | None) -> Argument:
    if link is None:
        return lambda _given, _occasion: str(uuid.uuid4())
    return lambda _, occasion: occasion.identifiers.setdefault(link, str(uuid.uuid4()))
