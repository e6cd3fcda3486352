"""An ontology that fits the contracts: action types that take what is sent, objects that `ask` can find again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from consumer.contracts import Contracts
from consumer.model import Call, Lookup, Prepared, Repeat
from consumer.pipeline import Prepare
from deploy.local.chaos.variety import Repertoire, Template
from deploy.local.foundry import load_ontology
from deploy.local.foundry.ontology import Ontology

NAME = "chaos"
KEY = "chaosKey"
ANYTHING = {"dataType": {"type": "string"}, "required": False}
"""The values are not judged here: whether a mapping fits the ontology is for `check` and `doctor`."""

_ONE_OBJECT = "all events of a lane make one and the same object, which can be made once"

Rule = dict[str, Any]


def fitted(
    contracts: Contracts, found: Repertoire, prepare: Prepare
) -> tuple[Ontology, Repertoire]:
    """The ontology, and what of the repertoire can be judged on it.

    An `ask` route whose object cannot be made from the parameters of its action is left out: no read would ever
    find it. So is what makes one object of all events of a lane: all but the first would rightly be refused.
    """
    rules: dict[str, Rule] = {}
    objects: dict[str, dict[str, Any]] = {}
    left_out = dict(found.left_out)
    # Those that ask first: what their actions make binds all others that map to them.
    for template in sorted(found.applied, key=lambda each: each.repeat != Repeat.ASK.value):
        prepared, other = (_prepared(template, prepare, number) for number in (1, 2))
        if prepared.lookup is not None:
            rule = _rule(prepared.calls[0], prepared.lookup)
            if rule is None:
                left_out[template.name] = (
                    f"no {prepared.lookup.object_type} that its `ask` would find can be made of the action's parameters"
                )
                continue
            if _made(rule, prepared.calls[0]) == _made(rule, other.calls[0]):
                left_out[template.name] = _ONE_OBJECT
                continue
            rules[prepared.calls[0].action.name] = rule
            _describe(objects, prepared, prepared.lookup)
        elif any(
            _made(rules[call.action.name], call) == _made(rules[call.action.name], again)
            for call, again in zip(prepared.calls, other.calls, strict=True)
            if call.action.name in rules
        ):
            left_out[template.name] = _ONE_OBJECT
    applied = [template for template in found.applied if template.name not in left_out]
    loaded = load_ontology(
        {
            "ontology": NAME,
            "objectTypes": objects,
            "actionTypes": list(_action_types(contracts, rules)),
        }
    )
    return _open(loaded), replace(found, applied=applied, left_out=left_out)


def _prepared(template: Template, prepare: Prepare, number: int) -> Prepared:
    found = prepare(template.draft(1, number).at(0, 0, 0))
    if not isinstance(found, Prepared):
        raise TypeError(f"{template.name} is not accepted any more")
    return found


def _rule(call: Call, lookup: Lookup) -> Rule | None:
    """The action creates what `ask` looks for: its properties are the parameters that carry the sought values."""
    given: Mapping[str, Any] = json.loads(call.parameters)
    properties = {name: {"type": "parameterId", "parameterId": name} for name in given}
    sought = dict(lookup.where or {})
    if lookup.key is not None:
        sought[KEY] = lookup.key
    for name, value in sought.items():
        source = next((each for each, got in given.items() if got == value), None)
        if source is None:
            return None
        properties[name] = {"type": "parameterId", "parameterId": source}
    properties.setdefault(KEY, {"type": "uniqueIdentifier"})
    if not _found_again(given, lookup, properties):
        return None
    return {
        "type": "createObject",
        "objectTypeApiName": lookup.object_type,
        "propertyArguments": properties,
        "structPropertyArguments": {},
    }


def _made(rule: Rule, call: Call) -> Any:
    """The key of the object that the action makes; the call itself where each makes one of its own."""
    source = rule["propertyArguments"][KEY].get("parameterId")
    return call if source is None else json.loads(call.parameters).get(source)


def _found_again(
    given: Mapping[str, Any], lookup: Lookup, properties: Mapping[str, Mapping[str, Any]]
) -> bool:
    """Would the owner's function take such an object for applied, and its absence for not applied?"""
    made = {name: given.get(of.get("parameterId", "")) for name, of in properties.items()}
    try:
        return lookup.applied(made) and not lookup.applied(None)
    except Exception:  # noqa: BLE001 -- the owner's function, which may raise anything of an object that it does not know
        return False


def _describe(objects: dict[str, dict[str, Any]], prepared: Prepared, lookup: Lookup) -> None:
    described = objects.setdefault(lookup.object_type, {"primaryKey": KEY, "properties": {}})
    names = [KEY, *(lookup.where or {}), *json.loads(prepared.calls[0].parameters)]
    described["properties"].update({name: {"dataType": {"type": "string"}} for name in names})


def _action_types(contracts: Contracts, rules: Mapping[str, Rule]) -> Iterator[Mapping[str, Any]]:
    parameters: dict[str, set[str]] = {}
    for action in contracts.actions:
        names = parameters.setdefault(action.action_type.name, set())
        names |= {field.serialization_alias or name for name, field in action.model_fields.items()}
    for name, names in parameters.items():
        logic: Sequence[Rule] = [rules[name]] if name in rules else []
        definition = {"apiName": name, "parameters": dict.fromkeys(sorted(names), ANYTHING)}
        yield {"actionType": definition, "fullLogicRules": logic}


def _open(ontology: Ontology) -> Ontology:
    """Any value is taken, as the parameters' real types are not known here."""
    actions = {
        name: replace(
            action,
            parameters={
                key: replace(parameter, accepts=_anything)
                for key, parameter in action.parameters.items()
            },
        )
        for name, action in ontology.action_types.items()
    }
    return replace(ontology, action_types=actions)


def _anything(value: object) -> bool:
    del value
    return True
