"""What actions do to objects: the rules of their types."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deploy.local.foundry import Foundry, serve
from tests.emulator.caller import TICKET, Caller, calling
from tests.emulator.workshop import WORKSHOP


@pytest.fixture
async def workshop() -> AsyncIterator[Caller]:
    async with serve(WORKSHOP) as foundry, calling(foundry) as caller:
        yield caller


async def test_edits_are_returned_when_asked_for(workshop: Caller) -> None:
    made = await workshop.apply("make", {"serial": 7}, {"returnEdits": "ALL"})
    scrapped = await workshop.apply("scrap", {"part": 1}, {"returnEdits": "ALL"})
    listed = await workshop.apply("scrap", {"part": 2}, {"returnEdits": "ALL_V2_WITH_DELETIONS"})
    linked = await workshop.apply("make", {"serial": 8})

    edits = made.json["edits"]
    assert edits["edits"] == [{"type": "addObject", "objectType": "Part", "primaryKey": 7}]
    assert edits["type"] == "edits"
    assert edits["addedObjectCount"] == 1
    assert (scrapped.json["edits"]["edits"], scrapped.json["edits"]["deletedObjectsCount"]) == (
        [],
        1,
    )
    assert [each["type"] for each in listed.json["edits"]["edits"]] == ["deleteObject"]
    assert "edits" not in linked.json


async def test_an_object_that_exists_is_not_created_again(caller: Caller, foundry: Foundry) -> None:
    await caller.apply("create-ticket", TICKET)

    again = await caller.apply("create-ticket", {**TICKET, "title": "Another"})

    assert again.error == (409, "CONFLICT", "ObjectAlreadyExists")
    assert len(foundry.effects) == 1
    assert foundry.objects.all("Ticket")[0]["title"] == TICKET["title"]


async def test_a_modification_sets_what_is_given_clears_what_is_null_and_leaves_the_rest(
    caller: Caller, foundry: Foundry
) -> None:
    await caller.apply("create-ticket", TICKET)
    change = {"ticket": "T-1", "priority": "high"}

    await caller.apply("set-ticket-priority", {**change, "note": "burns"})
    noted = foundry.objects.get("Ticket", "T-1")
    await caller.apply("set-ticket-priority", change)
    left = foundry.objects.get("Ticket", "T-1")
    await caller.apply("set-ticket-priority", {**change, "note": None})
    cleared = (await caller.get("objects", "Ticket", "T-1")).json

    assert noted == {**TICKET, "status": "open", "priority": "high", "note": "burns"}
    assert left == noted
    assert "note" not in cleared


async def test_a_reference_to_nothing_is_not_found_in_every_mode(
    caller: Caller, foundry: Foundry
) -> None:
    given = {"ticket": "T-9", "priority": "low"}

    for answered in (
        await caller.apply("set-ticket-priority", given),
        await caller.apply("set-ticket-priority", given, {"mode": "VALIDATE_ONLY"}),
        await caller.batch("set-ticket-priority", [given]),
    ):
        assert answered.error == (404, "NOT_FOUND", "ActionParameterObjectNotFound")
        assert answered.json["parameters"] == {"parameterId": "ticket"}
    assert len(foundry.effects) == 0


async def test_a_function_has_no_effect_but_its_line_in_the_log(
    caller: Caller, foundry: Foundry
) -> None:
    await caller.apply("create-ticket", TICKET)
    before = foundry.objects.all("Ticket")

    answered = await caller.apply("notify-on-call", {"ticket": "T-1", "message": "Help"})

    assert answered.json["validation"]["result"] == "VALID"
    assert foundry.objects.all("Ticket") == before
    assert foundry.effects.by_action["notify-on-call"] == 1


async def test_rules_take_values_from_where_they_say(workshop: Caller) -> None:
    await workshop.apply("make", {"serial": 7, "name": "gear"})
    made = (await workshop.get("objects", "Part", "7")).json
    await workshop.apply("copy-name", {"part": 7, "model": 1})
    copied = (await workshop.get("objects", "Part", "7")).json

    assert made["owner"] == workshop.foundry.identity.clients["consumer"].user
    assert made["stamp"] == made["twin"]
    assert copied["name"] == "bolt"


async def test_a_deleted_object_can_be_created_again_but_not_deleted_twice(
    workshop: Caller,
) -> None:
    deleted = await workshop.apply("scrap", {"part": 1})
    twice = await workshop.apply("scrap", {"part": 1})
    again = await workshop.apply("make", {"serial": 1})

    assert (deleted.status, again.status) == (200, 200)
    assert twice.error == (404, "NOT_FOUND", "ActionParameterObjectNotFound")


async def test_create_or_modify_decides_on_the_reference_being_set(workshop: Caller) -> None:
    """Not on the key's existence: with a key that exists and no reference it creates, and fails."""
    modified = await workshop.apply(
        "make-or-mend", {"part": 1, "name": "better"}, {"returnEdits": "ALL"}
    )
    created = await workshop.apply("make-or-mend", {"serial": 9}, {"returnEdits": "ALL"})
    duplicate = await workshop.apply("make-or-mend", {"serial": 9})

    assert modified.json["edits"]["modifiedObjectsCount"] == 1
    assert created.json["edits"]["addedObjectCount"] == 1
    assert duplicate.error == (409, "CONFLICT", "ObjectAlreadyExists")


async def test_an_upsert_decides_on_the_keys_existence(workshop: Caller) -> None:
    existing = await workshop.apply("put", {"serial": 1, "name": "x"}, {"returnEdits": "ALL"})
    fresh = await workshop.apply("put", {"serial": 9, "name": "x"}, {"returnEdits": "ALL"})

    assert existing.json["edits"]["modifiedObjectsCount"] == 1
    assert fresh.json["edits"]["addedObjectCount"] == 1


async def test_a_link_names_both_its_objects(workshop: Caller) -> None:
    answered = await workshop.apply("link", {"part": 1, "to": 2}, {"returnEdits": "ALL"})

    (edit,) = answered.json["edits"]["edits"]
    assert answered.json["edits"]["addedLinksCount"] == 1
    assert edit["aSideObject"] == {"objectType": "Part", "primaryKey": 1}
    assert edit["bSideObject"] == {"objectType": "Part", "primaryKey": 2}
