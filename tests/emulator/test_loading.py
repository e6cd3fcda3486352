from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.local.foundry import load_ontology, read_ontology, serve
from deploy.local.foundry.example import ONTOLOGY
from tests.emulator.caller import Caller, calling
from tests.emulator.workshop import parameter, reference

BARE = {
    "actionTypes": [
        {
            "apiName": "hire",
            "parameters": {
                "employeeId": parameter("string", required=True),
                "name": parameter("string"),
            },
            "operations": [{"type": "createObject", "objectTypeApiName": "Employee"}],
        },
        {
            "apiName": "rename",
            "parameters": {
                "who": parameter(reference("Employee"), required=True),
                "name": parameter("string"),
            },
            "operations": [{"type": "modifyObject", "objectTypeApiName": "Employee"}],
        },
        {
            "apiName": "dismiss",
            "parameters": {"who": parameter(reference("Employee"), required=True)},
            "operations": [{"type": "deleteObject", "objectTypeApiName": "Employee"}],
        },
        {
            "apiName": "praise",
            "parameters": {"of": parameter(reference("Office"))},
            "operations": [],
        },
    ]
}


async def test_bare_action_types_of_anybody_work_by_their_operations() -> None:
    """An action type as the metadata endpoint answers it says enough: rules and object types are derived."""
    async with serve(BARE) as foundry, calling(foundry) as caller:
        hired = await caller.apply("hire", {"employeeId": "1", "name": "Ann"})
        renamed = await caller.apply("rename", {"who": "1", "name": "Bea"})
        shown = await caller.get("objects", "Employee", "1")
        dismissed = await caller.apply("dismiss", {"who": "1"})
        gone = await caller.get("objects", "Employee", "1")

        assert [each.status for each in (hired, renamed, dismissed)] == [200, 200, 200]
        assert shown.json["name"] == "Bea"
        assert gone.status == 404


async def test_what_one_stack_answers_is_an_ontology_file_for_another(tmp_path: Path) -> None:
    async with serve() as foundry, calling(foundry) as caller:
        whole = (await caller.get("fullMetadata", query="?preview=true")).json
        full = {
            name: (
                await caller.get("actionTypes", name, "fullMetadata", query="?preview=true")
            ).json
            for name in whole["actionTypes"]
        }
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps({**whole, "actionTypesFullMetadata": full}))

    again = read_ontology(path)

    assert again.definition == foundry.ontology.definition
    for name, action in foundry.ontology.action_types.items():
        assert again.action_types[name].definition == action.definition
        assert list(again.action_types[name].logic) == list(action.logic)
    for name, kind in foundry.ontology.object_types.items():
        assert again.object_types[name].definition == kind.definition


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("o.json", '{"ontology": "o", "actionTypes": {"ping": {"parameters": {}}}}'),
        ("o.toml", 'ontology = "o"\n[actionTypes.ping.parameters]\n'),
        ("o.py", 'ONTOLOGY = {"ontology": "o", "actionTypes": {"ping": {"parameters": {}}}}'),
    ],
)
async def test_files_may_be_json_toml_or_python(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)

    async with serve(path) as foundry, calling(foundry) as caller:
        answered = await caller.apply("ping", {})

        assert answered.json["validation"]["result"] == "VALID"
        assert foundry.ontology.answers_to("o")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"objectTypes": [{"apiName": "Part", "properties": {}}]}, "Part"),
        ({"actionTypes": [{"actionType": {"apiName": "x"}, "fullLogicRules": [{}]}]}, "x"),
        ({"actionTypes": [{"apiName": "x", "parameters": {"p": {"dataType": {}}}}]}, "x"),
    ],
)
def test_what_is_no_ontology_is_refused_by_name(data: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"type '{named}'"):
        load_ontology(data)


def test_identifiers_are_the_same_in_each_run() -> None:
    first, second = load_ontology(ONTOLOGY), load_ontology(ONTOLOGY)

    assert first.definition["rid"] == second.definition["rid"]
    assert first.action_type("create-ticket").rid == second.action_type("create-ticket").rid


async def test_seeds_are_there_from_the_start_and_after_a_reset(caller: Caller) -> None:
    data = {**ONTOLOGY, "objects": {"Equipment": [{"equipmentId": "E-1"}]}}
    async with serve(data) as foundry:
        foundry.objects.put("Equipment", [{"equipmentId": "E-2"}])
        foundry.reset()

        assert foundry.objects.all("Equipment") == [{"equipmentId": "E-1"}]


def test_an_ontology_without_a_name_is_refused_by_what_is_wanted() -> None:
    with pytest.raises(ValueError, match="ontology: its API name is wanted"):
        load_ontology({"ontology": 5})
