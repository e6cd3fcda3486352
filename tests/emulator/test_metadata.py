from __future__ import annotations

from urllib.parse import quote

import pytest

from deploy.local.foundry import Foundry, serve
from tests.emulator.caller import Caller, calling
from tests.emulator.workshop import WORKSHOP


async def test_ontologies_are_listed_without_paging(caller: Caller) -> None:
    answered = await caller.call("GET", "/api/v2/ontologies")

    assert [each.keys() for each in answered.json["data"]] == [
        {"apiName", "displayName", "description", "rid"}
    ]


async def test_an_ontology_answers_to_its_name_and_to_its_rid(
    caller: Caller, foundry: Foundry
) -> None:
    definition = foundry.ontology.definition
    for name in (definition["apiName"], definition["rid"]):
        answered = await caller.call("GET", f"/api/v2/ontologies/{name}")

        assert answered.json == definition


@pytest.mark.parametrize(
    ("name", "named"), [("elsewhere", "apiName"), ("ri.ontology.main.ontology.x", "ontologyRid")]
)
async def test_another_ontology_is_not_found(caller: Caller, name: str, named: str) -> None:
    for path in (f"/api/v2/ontologies/{name}", f"/api/v2/ontologies/{name}/actionTypes"):
        answered = await caller.call("GET", path)

        assert answered.error == (404, "NOT_FOUND", "OntologyNotFound")
        assert answered.json["parameters"] == {named: name}


async def test_action_types_are_paged_and_the_last_page_has_no_token(caller: Caller) -> None:
    first = (await caller.get("actionTypes", query="?pageSize=4")).json
    token = first["nextPageToken"]
    second = (await caller.get("actionTypes", query=f"?pageSize=4&pageToken={token}")).json
    token = second["nextPageToken"]
    third = (await caller.get("actionTypes", query=f"?pageSize=4&pageToken={token}")).json
    whole = (await caller.get("actionTypes")).json

    assert [len(page["data"]) for page in (first, second, third)] == [4, 4, 1]
    assert first["data"] + second["data"] + third["data"] == whole["data"]
    exactly = (await caller.get("actionTypes", query="?pageSize=9")).json
    for last in (third, whole, exactly):
        assert "nextPageToken" not in last


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("?pageSize=0", (400, "INVALID_ARGUMENT", "InvalidPageSize")),
        ("?pageToken=nonsense", (400, "INVALID_ARGUMENT", "InvalidPageToken")),
        ("?pageSize=many", (422, "INVALID_ARGUMENT", "Conjure:UnprocessableEntity")),
    ],
)
async def test_paging_refuses_nonsense(
    caller: Caller, query: str, error: tuple[int, str, str]
) -> None:
    assert (await caller.get("actionTypes", query=query)).error == error


async def test_an_action_type_shows_its_parameters_and_operations(caller: Caller) -> None:
    shown = (await caller.get("actionTypes", "close-ticket")).json

    assert shown["apiName"] == "close-ticket"
    assert shown["status"] == "ACTIVE"
    assert shown["rid"].startswith("ri.actions.main.action-type.")
    assert shown["parameters"]["ticket"]["dataType"] == {
        "type": "object",
        "objectApiName": "Ticket",
        "objectTypeApiName": "Ticket",
    }
    assert shown["parameters"]["closedAt"]["required"] is True
    assert shown["parameters"]["resolution"]["required"] is False
    assert shown["operations"] == [{"type": "modifyObject", "objectTypeApiName": "Ticket"}]


async def test_an_action_type_is_found_by_its_rid(caller: Caller) -> None:
    shown = (await caller.get("actionTypes", "close-ticket")).json

    by_rid = await caller.get("actionTypes", "byRid", shown["rid"])
    unknown = await caller.get("actionTypes", "byRid", "ri.actions.main.action-type.x")

    assert by_rid.json == shown
    assert unknown.error == (404, "NOT_FOUND", "ActionTypeNotFound")


async def test_an_unknown_action_type_is_not_found(caller: Caller) -> None:
    for answered in (
        await caller.get("actionTypes", "nothing"),
        await caller.apply("nothing", {}),
        await caller.batch("nothing", [{}]),
    ):
        assert answered.error == (404, "NOT_FOUND", "ActionTypeNotFound")
        assert answered.json["parameters"] == {"actionType": "nothing"}


async def test_full_metadata_shows_the_rules_and_is_a_preview(caller: Caller) -> None:
    refused = await caller.get("actionTypes", "create-ticket", "fullMetadata")
    shown = await caller.get("actionTypes", "create-ticket", "fullMetadata", query="?preview=true")

    assert refused.error == (400, "INVALID_ARGUMENT", "ApiFeaturePreviewUsageOnly")
    (rule,) = shown.json["fullLogicRules"]
    assert shown.json["actionType"]["apiName"] == "create-ticket"
    assert rule["type"] == "createObject"
    assert rule["propertyArguments"]["ticketId"] == {
        "type": "parameterId",
        "parameterId": "ticketId",
    }


async def test_object_types_are_shown(caller: Caller) -> None:
    listed = (await caller.get("objectTypes")).json["data"]
    shown = await caller.get("objectTypes", "Ticket")
    unknown = await caller.get("objectTypes", "Nothing")

    assert shown.json in listed
    assert shown.json["primaryKey"] == "ticketId"
    assert unknown.error == (404, "NOT_FOUND", "ObjectTypeNotFound")


async def test_the_whole_ontology_is_shown_at_once(caller: Caller) -> None:
    shown = (await caller.get("fullMetadata", query="?preview=true")).json

    assert shown["ontology"]["apiName"] == "fieldwork"
    assert len(shown["actionTypes"]) == 9
    assert shown["objectTypes"]["Ticket"]["objectType"]["primaryKey"] == "ticketId"


async def test_an_unknown_route_is_a_404_without_a_body(caller: Caller) -> None:
    for method, path in (
        ("GET", "/api/v2/nothing"),
        ("GET", caller.path("actions", "create-ticket", "apply")),
        ("POST", caller.path("actions", "create-ticket", "applyAsync")),
        ("GET", "/"),
    ):
        answered = await caller.call(method, path)

        assert (answered.status, answered.body) == (404, b"")


async def test_a_segment_is_decoded_on_its_own_so_an_encoded_slash_stays_in_it() -> None:
    name = "odd/name %2F"
    async with serve(WORKSHOP) as foundry, calling(foundry) as caller:
        shown = await caller.get("actionTypes", name)
        applied = await caller.apply(name, {})
        unencoded = await caller.session.post(
            foundry.url + "/api/v2/ontologies/workshop/actions/odd/name/apply"
        )

        assert quote(name, safe="") == "odd%2Fname%20%252F"
        assert shown.json["apiName"] == name
        assert applied.json["validation"]["result"] == "VALID"
        assert unencoded.status == 404
