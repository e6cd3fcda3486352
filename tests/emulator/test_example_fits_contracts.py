"""The emulator's own ontology has every action and object that the shipped contracts speak of."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from consumer.contracts import Action
from deploy.local.foundry import load_ontology
from deploy.local.foundry.example import ONTOLOGY

MODULE = importlib.import_module("schemas.ontology")
ACTIONS = [
    each
    for each in vars(MODULE).values()
    if inspect.isclass(each) and issubclass(each, Action) and each is not Action
]
EXAMPLES = sorted((Path(str(MODULE.__file__)).parent / "examples").glob("*/*.json"))
EXPECTED: list[tuple[str, dict[str, Any]]] = [
    (action["action"], action["parameters"])
    for example in EXAMPLES
    for action in json.loads(example.read_text())["expect"].get("actions", [])
]


def test_the_ontology_has_the_contracts_action_types_and_no_others() -> None:
    named = {action.action_type.name for action in ACTIONS}

    assert named == set(load_ontology(ONTOLOGY).action_types)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_parameters_have_the_same_names_and_are_required_alike(action: type[Action]) -> None:
    action_type = load_ontology(ONTOLOGY).action_type(action.action_type.name)

    fields = {f.serialization_alias or n: f for n, f in action.model_fields.items()}
    assert fields.keys() == action_type.parameters.keys()
    assert {name for name, f in fields.items() if f.is_required()} == action_type.required


@pytest.mark.parametrize(("name", "parameters"), EXPECTED)
def test_what_the_examples_expect_is_valid(name: str, parameters: dict[str, Any]) -> None:
    assert load_ontology(ONTOLOGY).action_type(name).refused(parameters) == frozenset()


def test_every_action_type_is_expected_by_some_example() -> None:
    assert {name for name, _ in EXPECTED} == set(load_ontology(ONTOLOGY).action_types)


def test_what_a_lookup_searches_for_is_a_property() -> None:
    """`ask` reads a comment back by the id of its event."""
    comment = load_ontology(ONTOLOGY).object_type("TicketComment")

    assert "eventId" in comment.properties
