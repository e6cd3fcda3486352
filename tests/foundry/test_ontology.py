"""Metadata as `doctor` reads it."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.foundry.ontology import ActionTypeInfo, OntologyInfo, type_text
from consumer.foundry.opening import open_foundry
from consumer.outcomes import Outage
from tests.foundry.server import config, replies, running, text

ONTOLOGY = {"apiName": "main", "rid": "ri.ontology.main.ontology.1", "displayName": "Main"}


def action(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "apiName": name,
        "rid": "ri.actions.main.action-type.1",
        "status": "ACTIVE",
        "parameters": {
            "title": {"dataType": {"type": "string"}, "required": True},
            "due": {"dataType": {"type": "holographic", "depth": 3}, "required": False},
        },
        "operations": [
            {"type": "createObject", "objectTypeApiName": "Ticket"},
            {"type": "brandNew"},
        ],
    } | changes


async def test_an_action_type_is_read_with_what_is_not_known_kept() -> None:
    async with running(replies((200, action("create-ticket")))) as stack:
        async with open_foundry(config(stack.url)) as foundry:
            found = await foundry.ontology.get_action_type("create-ticket")

        assert stack.seen[0].path == "/api/v2/ontologies/main/actionTypes/create-ticket"
        assert isinstance(found, ActionTypeInfo)
        assert found.status == "ACTIVE"
        assert [(p.id, p.type, p.required) for p in found.parameters] == [
            ("due", "holographic", False),
            ("title", "string", True),
        ]
        assert found.parameters[0].data_type == {"type": "holographic", "depth": 3}
        assert found.operations == ("createObject", "brandNew")


@pytest.mark.parametrize("body", [ONTOLOGY, {"data": ONTOLOGY}])
async def test_an_ontology_is_read_wrapped_or_not(body: Any) -> None:
    async with running(replies((200, body))) as stack, open_foundry(config(stack.url)) as foundry:
        found = await foundry.ontology.get_ontology()

        assert found == OntologyInfo("main", "ri.ontology.main.ontology.1", "Main")


@pytest.mark.parametrize("body", [{}, {"status": "UP"}, {"apiName": None, "rid": 7}])
async def test_an_answer_that_names_no_ontology_is_none(body: Any) -> None:
    """Some other service answers there, with JSON to whatever it is asked."""
    async with running(replies((200, body))) as stack, open_foundry(config(stack.url)) as foundry:
        found = await foundry.ontology.get_ontology()

        assert isinstance(found, Outage)
        assert found.gate == "not_foundry"
        assert "ontology" in found.answer.detail
        assert "foundry.hostname" in (found.remedy or "")


async def test_all_visible_ontologies_are_listed() -> None:
    async with running(replies((200, {"data": [ONTOLOGY, "?", {}]}))) as stack:
        async with open_foundry(config(stack.url)) as foundry:
            found = await foundry.ontology.list_ontologies()

        assert not isinstance(found, Outage)
        assert [info.api_name for info in found] == ["main", ""]


async def test_all_pages_of_action_types_are_listed_short_ones_included() -> None:
    pages = replies(
        (200, {"data": [action("zeta")], "nextPageToken": "2"}),
        (200, {"data": [], "nextPageToken": "3"}),
        (200, {"data": [action("alpha"), action("beta", parameters=None), {}]}),
    )
    async with running(pages) as stack, open_foundry(config(stack.url)) as foundry:
        found = await foundry.ontology.list_action_types()

        assert not isinstance(found, Outage)
        assert [info.api_name for info in found] == ["alpha", "zeta"]
        assert [seen.path.partition("?")[2] for seen in stack.seen] == [
            "pageSize=500",
            "pageSize=500&pageToken=2",
            "pageSize=500&pageToken=3",
        ]


@pytest.mark.parametrize(
    ("status", "name", "gate"),
    [
        (404, "ActionTypeNotFound", "missing_action"),
        (404, "OntologyNotFound", "missing_ontology"),
        (403, "ApiUsageDenied", "forbidden"),
    ],
)
async def test_what_is_not_found_or_not_allowed_says_the_remedy(
    status: int, name: str, gate: str
) -> None:
    error = {"errorCode": "NOT_FOUND", "errorName": name, "parameters": {"missingScope": "api:x"}}
    async with (
        running(replies((status, error))) as stack,
        open_foundry(config(stack.url)) as foundry,
    ):
        found = await foundry.ontology.get_action_type("create-ticket")

        assert isinstance(found, Outage)
        assert found.gate == gate
        assert found.remedy


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_a_name_that_no_path_can_hold_is_missing(name: str) -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        found = await foundry.ontology.get_action_type(name)

        assert isinstance(found, Outage)
        assert found.gate == "missing_action"
        assert stack.seen == []


async def test_a_page_instead_of_metadata_is_not_foundry() -> None:
    async with running(text(200, "<html>")) as stack, open_foundry(config(stack.url)) as foundry:
        found = await foundry.ontology.get_ontology()

        assert isinstance(found, Outage)
        assert found.gate == "not_foundry"


@pytest.mark.parametrize(
    ("data_type", "words"),
    [
        ({"type": "long"}, "long"),
        ({"type": "array", "subType": {"type": "string"}}, "array<string>"),
        ({"type": "array", "itemType": {"type": "date"}}, "array<date>"),
        ({"type": "object", "objectTypeApiName": "Employee"}, "object Employee"),
        ({"type": "interfaceObject", "interfaceTypeApiName": "Asset"}, "interfaceObject Asset"),
        (
            {"type": "struct", "fields": [{"name": "street", "fieldType": {"type": "string"}}]},
            "struct{street: string}",
        ),
        ({"type": "array"}, "array<unknown>"),
        ({}, "unknown"),
        ("string", "unknown"),
    ],
)
def test_a_type_is_told_in_a_few_words(data_type: object, words: str) -> None:
    assert type_text(data_type) == words
