from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.local.foundry import serve
from tests.emulator.caller import Answered, Caller, calling, ticket
from tests.emulator.workshop import WORKSHOP

PARTS = [
    {"serial": 1, "name": "bolt", "weight": 0.5, "mileage": "9007199254740993", "tags": ["a"]},
    {"serial": 2, "name": "nut", "weight": 9, "madeAt": "2026-01-01T00:00:00Z"},
    {"serial": 3, "name": "long bolt", "weight": 10, "madeAt": "2026-01-01T00:30:00+01:00"},
]


@pytest.fixture
async def parts() -> AsyncIterator[Caller]:
    stocked = {**WORKSHOP, "objects": {"Part": PARTS}}
    async with serve(stocked) as foundry, calling(foundry) as caller:
        yield caller


async def search(caller: Caller, where: Any, **more: Any) -> Answered:
    body = {"where": where, "select": [], **more}
    return await caller.post("objects", "Part", "search", body=body)


async def test_an_object_is_got_by_its_primary_key(caller: Caller) -> None:
    await caller.apply("create-ticket", ticket(1))

    answered = await caller.get("objects", "Ticket", "T-1")

    assert answered.json["ticketId"] == "T-1"
    assert answered.json["status"] == "open"
    assert answered.json["__primaryKey"] == "T-1"
    assert answered.json["__apiName"] == "Ticket"
    assert answered.json["__rid"].startswith("ri.phonograph2-objects.main.object.")


async def test_a_key_in_a_path_has_its_own_type(parts: Caller) -> None:
    assert (await parts.get("objects", "Part", "2")).json["name"] == "nut"


async def test_a_key_with_a_slash_is_found(caller: Caller) -> None:
    await caller.apply("create-ticket", {**ticket(1), "ticketId": "T/1 %"})

    assert (await caller.get("objects", "Ticket", "T/1 %")).json["ticketId"] == "T/1 %"


async def test_an_object_that_is_not_there_is_not_found(parts: Caller) -> None:
    missing = await parts.get("objects", "Part", "9")
    no_type = await parts.get("objects", "Nothing", "9")

    assert missing.error == (404, "NOT_FOUND", "ObjectNotFound")
    assert missing.json["parameters"] == {"objectType": "Part", "primaryKey": {"serial": 9}}
    assert no_type.error == (404, "NOT_FOUND", "ObjectTypeNotFound")


async def test_objects_are_listed_in_pages_and_in_order(parts: Caller) -> None:
    query = "?pageSize=2&orderBy=properties.weight:desc&select=name"
    first = (await parts.get("objects", "Part", query=query)).json
    token = first["nextPageToken"]
    second = (await parts.get("objects", "Part", query=f"{query}&pageToken={token}")).json

    assert [each["name"] for each in first["data"] + second["data"]] == [
        "long bolt",
        "nut",
        "bolt",
    ]
    assert first["totalCount"] == "3"
    assert "weight" not in first["data"][0]
    assert "nextPageToken" not in second


def eq(field: str, value: Any) -> dict[str, Any]:
    return {"type": "eq", "field": field, "value": value}


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (eq("name", "bolt"), [1]),
        (eq("mileage", "9007199254740993"), [1]),
        (eq("mileage", "9007199254740992"), []),
        ({"type": "and", "value": [eq("name", "nut"), eq("weight", 9)]}, [2]),
        ({"type": "and", "value": [eq("name", "nut"), eq("weight", 8)]}, []),
        ({"type": "or", "value": [eq("name", "nut"), eq("name", "bolt")]}, [1, 2]),
        ({"type": "not", "value": eq("name", "nut")}, [1, 3]),
        ({"type": "gt", "field": "weight", "value": 9}, [3]),
        ({"type": "gte", "field": "weight", "value": 9}, [2, 3]),
        ({"type": "lt", "field": "weight", "value": 9}, [1]),
        ({"type": "lte", "field": "weight", "value": 9}, [1, 2]),
        ({"type": "lt", "field": "madeAt", "value": "2026-01-01T00:00:00Z"}, [3]),
        ({"type": "isNull", "field": "madeAt", "value": True}, [1]),
        ({"type": "isNull", "field": "madeAt", "value": False}, [2, 3]),
        ({"type": "in", "field": "serial", "value": [1, 3]}, [1, 3]),
        ({"type": "contains", "field": "tags", "value": "a"}, [1]),
        ({"type": "startsWith", "field": "name", "value": "long"}, [3]),
        ({"type": "containsAnyTerm", "field": "name", "value": "Bolt"}, [1, 3]),
        ({"type": "containsAllTerms", "field": "name", "value": "bolt long"}, [3]),
        (
            {
                "type": "eq",
                "propertyIdentifier": {"type": "property", "apiName": "name"},
                "value": "nut",
            },
            [2],
        ),
        (None, [1, 2, 3]),
    ],
)
async def test_search_finds_by_property_values(parts: Caller, where: Any, found: list[int]) -> None:
    answered = await search(parts, where)

    assert [each["serial"] for each in answered.json["data"]] == found
    assert answered.json["totalCount"] == str(len(found))


async def test_search_orders_selects_and_pages(parts: Caller) -> None:
    answered = await search(
        parts,
        None,
        select=["serial"],
        orderBy={"fields": [{"field": "name", "direction": "desc"}]},
        pageSize=2,
    )

    assert [each["serial"] for each in answered.json["data"]] == [2, 3]
    assert "name" not in answered.json["data"][0]
    assert answered.json["nextPageToken"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"where": eq("colour", "red"), "select": []}, (404, "NOT_FOUND", "PropertiesNotFound")),
        (
            {"where": {"type": "near", "field": "name", "value": 1}, "select": []},
            (400, "INVALID_ARGUMENT", "Default:InvalidArgument"),
        ),
        ({"where": eq("weight", "heavy"), "select": []}, None),
        ({"where": {"type": "eq"}, "select": []}, None),
        ({"where": eq("name", "x")}, None),
        ({"where": eq("name", "x"), "select": [], "limit": 1}, None),
    ],
)
async def test_search_refuses_what_it_cannot_read(
    parts: Caller, body: Any, error: tuple[int, str, str] | None
) -> None:
    answered = await parts.post("objects", "Part", "search", body=body)

    unprocessable = (422, "INVALID_ARGUMENT", "Conjure:UnprocessableEntity")
    assert answered.error == (error or unprocessable)


async def test_objects_can_be_there_without_an_action(caller: Caller) -> None:
    put = await caller.control("PUT", "objects/Equipment", [{"equipmentId": "E-1"}])

    applied = await caller.apply("set-equipment-status", {"equipment": "E-1", "status": "faulty"})

    assert put.json == {"objects": 1}
    assert applied.json["validation"]["result"] == "VALID"
