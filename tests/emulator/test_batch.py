from __future__ import annotations

from typing import Any

import pytest

from deploy.local.foundry import Foundry
from tests.emulator.caller import Caller, ticket
from tests.emulator.test_apply import UNPROCESSABLE


async def test_a_batch_takes_effect_in_its_order_and_answers_nothing_of_its_items(
    caller: Caller, foundry: Foundry
) -> None:
    answered = await caller.batch("create-ticket", [ticket(n) for n in range(20)])

    assert (answered.status, answered.json) == (200, {})
    assert [each.parameters["ticketId"] for each in foundry.effects] == [
        f"T-{n}" for n in range(20)
    ]
    assert {each.batch for each in foundry.effects} == {20}


async def test_a_batch_above_the_limit_names_the_limit(caller: Caller, foundry: Foundry) -> None:
    answered = await caller.batch("create-ticket", [ticket(n) for n in range(21)])

    assert answered.error == (400, "INVALID_ARGUMENT", "BatchRequestSizeExceededLimit")
    assert answered.json["parameters"] == {"maximumBatchSize": 20, "providedBatchSize": 21}
    assert len(foundry.effects) == 0


async def test_the_limit_can_be_another(caller: Caller) -> None:
    await caller.control("PUT", "limits", {"batch": 2})

    fits = await caller.batch("create-ticket", [ticket(1), ticket(2)])
    exceeds = await caller.batch("create-ticket", [ticket(n) for n in (3, 4, 5)])

    assert fits.status == 200
    assert exceeds.json["parameters"]["maximumBatchSize"] == 2


async def test_an_empty_batch_is_missing(caller: Caller) -> None:
    answered = await caller.batch("create-ticket", [])

    assert answered.error == (400, "INVALID_ARGUMENT", "MissingBatchRequest")


@pytest.mark.parametrize("bad", [{"priority": "urgent"}, {"title": None}])
async def test_one_invalid_item_fails_all_and_is_not_named(
    caller: Caller, foundry: Foundry, bad: dict[str, Any]
) -> None:
    answered = await caller.batch("create-ticket", [ticket(1), ticket(2, **bad), ticket(3)])

    assert answered.error == (400, "INVALID_ARGUMENT", "ActionValidationFailed")
    assert answered.json["parameters"] == {"actionType": "create-ticket"}
    assert len(foundry.effects) == 0
    assert foundry.objects.all("Ticket") == []


@pytest.mark.parametrize("bad", [{"priority": 1}, {"colour": "red"}, {"openedAt": "now"}])
async def test_one_malformed_item_fails_all(
    caller: Caller, foundry: Foundry, bad: dict[str, Any]
) -> None:
    answered = await caller.batch("create-ticket", [ticket(1), ticket(2, **bad)])

    assert answered.status == 400
    assert len(foundry.effects) == 0


async def test_one_object_that_exists_fails_all(caller: Caller, foundry: Foundry) -> None:
    await caller.batch("create-ticket", [ticket(2)])

    answered = await caller.batch("create-ticket", [ticket(1), ticket(2), ticket(3)])

    assert answered.error == (409, "CONFLICT", "ObjectAlreadyExists")
    assert [each["ticketId"] for each in foundry.objects.all("Ticket")] == ["T-2"]
    assert len(foundry.effects) == 1


async def test_two_items_that_edit_one_object_fail_all(caller: Caller, foundry: Foundry) -> None:
    await caller.batch("create-ticket", [ticket(1)])
    change = {"ticket": "T-1", "priority": "high"}

    created = await caller.batch("create-ticket", [ticket(2), ticket(2)])
    modified = await caller.batch("set-ticket-priority", [change, change])

    assert created.error == (409, "CONFLICT", "ActionContainsDuplicateEdits")
    assert modified.error == (409, "CONFLICT", "ActionContainsDuplicateEdits")
    assert len(foundry.effects) == 1


async def test_items_of_a_function_may_be_alike(caller: Caller, foundry: Foundry) -> None:
    """Nothing is edited, so nothing is edited twice: both take effect."""
    await caller.batch("create-ticket", [ticket(1)])
    page = {"ticket": "T-1", "message": "Help"}

    answered = await caller.batch("notify-on-call", [page, page])

    assert answered.status == 200
    assert foundry.effects.by_action["notify-on-call"] == 2


async def test_edits_are_returned_as_one_sum(caller: Caller) -> None:
    answered = await caller.batch("create-ticket", [ticket(1), ticket(2)], {"returnEdits": "ALL"})

    assert answered.json["edits"]["addedObjectCount"] == 2
    assert [each["primaryKey"] for each in answered.json["edits"]["edits"]] == ["T-1", "T-2"]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"requests": {}}',
        b'{"requests": [{}]}',
        b'{"requests": [1]}',
        b'{"requests": [{"parameters": {}, "id": 1}]}',
        b'{"requests": [{"parameters": {}}], "mode": "VALIDATE_ONLY"}',
        b'{"requests": [{"parameters": {}}], "options": {"mode": "VALIDATE_ONLY"}}',
        b'{"requests": [{"parameters": {}}], "options": {"returnEdits": "ALL_V2_WITH_DELETIONS"}}',
    ],
)
async def test_a_batch_of_another_shape_is_refused(caller: Caller, body: bytes) -> None:
    """There is no validate-only for batches."""
    answered = await caller.post("actions", "create-ticket", "applyBatch", body=body)

    assert answered.error == UNPROCESSABLE
