from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.local.foundry import Foundry, serve
from tests.emulator.caller import TICKET, Caller, calling, ticket
from tests.emulator.workshop import WORKSHOP

UNPROCESSABLE = (422, "INVALID_ARGUMENT", "Conjure:UnprocessableEntity")


@pytest.fixture
async def workshop() -> AsyncIterator[Caller]:
    async with serve(WORKSHOP) as foundry, calling(foundry) as caller:
        yield caller


async def test_a_valid_action_takes_effect_and_says_so(caller: Caller, foundry: Foundry) -> None:
    answered = await caller.apply("create-ticket", TICKET)

    assert answered.status == 200
    assert answered.json.keys() == {"operationId", "validation"}
    assert answered.json["operationId"].startswith("ri.actions.main.action.")
    assert answered.json["validation"]["result"] == "VALID"
    assert answered.json["validation"]["parameters"]["title"] == {
        "result": "VALID",
        "evaluatedConstraints": [],
        "required": True,
    }
    assert [effect.parameters for effect in foundry.effects] == [TICKET]


async def test_an_unknown_parameter_is_refused(caller: Caller, foundry: Foundry) -> None:
    answered = await caller.apply("create-ticket", {**TICKET, "colour": "red"})

    assert answered.error == (400, "INVALID_ARGUMENT", "ParametersNotFound")
    assert answered.json["parameters"]["unknownParameterIds"] == ["colour"]
    assert "ticketId" in answered.json["parameters"]["configuredParameterIds"]
    assert len(foundry.effects) == 0


@pytest.mark.parametrize("given", [{}, {"title": None}])
async def test_200_is_not_yet_applied_a_missing_parameter_is_invalid(
    caller: Caller, foundry: Foundry, given: dict[str, Any]
) -> None:
    rest = {name: value for name, value in TICKET.items() if name != "title"}

    answered = await caller.apply("create-ticket", {**rest, **given})

    assert answered.status == 200
    assert "operationId" not in answered.json
    assert answered.json["validation"]["result"] == "INVALID"
    assert answered.json["validation"]["parameters"]["title"]["result"] == "INVALID"
    assert answered.json["validation"]["parameters"]["priority"]["result"] == "VALID"
    assert len(foundry.effects) == 0
    assert foundry.objects.all("Ticket") == []


async def test_a_badly_encoded_parameter_is_refused_with_what_was_wrong(caller: Caller) -> None:
    answered = await caller.apply("create-ticket", {**TICKET, "openedAt": "yesterday"})

    assert answered.error == (400, "INVALID_ARGUMENT", "InvalidParameterValue")
    assert answered.json["parameters"] == {
        "parameterId": "openedAt",
        "parameterBaseType": "timestamp",
        "parameterDataType": {"type": "timestamp"},
        "parameterValue": "yesterday",
    }


async def test_a_value_that_is_not_among_the_allowed_is_invalid(caller: Caller) -> None:
    answered = await caller.apply("create-ticket", {**TICKET, "priority": "urgent"})

    shown = answered.json["validation"]["parameters"]["priority"]
    assert answered.json["validation"]["result"] == "INVALID"
    assert shown["result"] == "INVALID"
    assert shown["evaluatedConstraints"][0]["type"] == "oneOf"


@pytest.mark.parametrize(
    ("name", "good", "bad", "constraint"),
    [
        ("code", "AB", "A", "stringLength"),
        ("code", "ABCD", "ABCDE", "stringLength"),
        ("code", "ABC", "abc", "stringRegexMatch"),
        ("grams", 1, 0, "range"),
        ("grams", 100, 101, "range"),
        ("mileage", "9007199254740992", "9007199254740993", "range"),
        ("from", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "range"),
        ("from", "2025-12-31T23:00:00-02:00", "2026-01-01T00:30:00+01:00", "range"),
        ("tags", ["abc"], ["abcd"], "stringLength"),
        ("tags", ["a", "b"], [], "arraySize"),
        ("tags", ["a"], ["a", "b", "c"], "arraySize"),
        ("nothing", None, "something", "unevaluable"),
    ],
)
async def test_constraints_are_evaluated(
    workshop: Caller, name: str, good: Any, bad: Any, constraint: str
) -> None:
    valid = await workshop.apply("check", {name: good})
    invalid = await workshop.apply("check", {name: bad})

    shown = invalid.json["validation"]["parameters"][name]
    assert valid.json["validation"]["result"] == "VALID"
    assert invalid.json["validation"]["result"] == "INVALID"
    assert constraint in {each["type"] for each in shown["evaluatedConstraints"]}


async def test_a_type_that_the_api_does_not_know_is_refused_only_where_it_is_given(
    workshop: Caller,
) -> None:
    given = await workshop.apply("odd", {"thing": 1})
    not_given = await workshop.apply("odd", {"name": "x", "thing": None})

    assert given.error == (400, "INVALID_ARGUMENT", "ParameterTypeNotSupported")
    assert not_given.json["validation"]["result"] == "VALID"


async def test_validate_only_applies_nothing(caller: Caller, foundry: Foundry) -> None:
    options = {"mode": "VALIDATE_ONLY"}

    valid = await caller.apply("create-ticket", TICKET, options)
    invalid = await caller.apply("create-ticket", {**TICKET, "priority": "urgent"}, options)

    assert valid.json["validation"]["result"] == "VALID"
    assert "operationId" not in valid.json
    assert invalid.json["validation"]["result"] == "INVALID"
    assert len(foundry.effects) == 0
    assert foundry.objects.all("Ticket") == []


async def test_validate_only_does_not_see_a_duplicate(caller: Caller) -> None:
    """It promises nothing about execution, as on the platform."""
    await caller.apply("create-ticket", TICKET)

    answered = await caller.apply("create-ticket", TICKET, {"mode": "VALIDATE_ONLY"})

    assert answered.json["validation"]["result"] == "VALID"


async def test_validate_only_cannot_return_edits(caller: Caller) -> None:
    options = {"mode": "VALIDATE_ONLY", "returnEdits": "ALL"}

    answered = await caller.apply("create-ticket", TICKET, options)

    assert answered.error == (400, "INVALID_ARGUMENT", "InvalidApplyActionOptionCombination")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", (400, "INVALID_ARGUMENT", "MissingPostBody")),
        (b"{", UNPROCESSABLE),
        (b"[]", UNPROCESSABLE),
        (b"{}", UNPROCESSABLE),
        (b'{"parameters": []}', UNPROCESSABLE),
        (b'{"parameters": {}, "requestId": "1"}', UNPROCESSABLE),
        (b'{"parameters": {}, "options": {"dryRun": true}}', UNPROCESSABLE),
        (b'{"parameters": {}, "options": {"mode": "MAYBE"}}', UNPROCESSABLE),
        (b'{"parameters": {"title": NaN}}', UNPROCESSABLE),
    ],
)
async def test_a_body_of_another_shape_is_refused(
    caller: Caller, body: bytes, error: tuple[int, str, str]
) -> None:
    """Conjure servers refuse fields that they do not know: there is no room for an idempotency key."""
    answered = await caller.post("actions", "create-ticket", "apply", body=body)

    assert answered.error == error


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
    ],
)
async def test_only_json_is_a_supported_media_type(
    caller: Caller, content_type: str, status: int
) -> None:
    answered = await caller.post(
        "actions",
        "create-ticket",
        "apply",
        body={"parameters": ticket(1)},
        headers={"Content-Type": content_type},
    )

    assert answered.status == status
    if status != 200:
        assert answered.error == (415, "INVALID_ARGUMENT", "Conjure:UnsupportedMediaType")


async def test_a_body_that_is_too_large_is_refused(caller: Caller) -> None:
    answered = await caller.apply("create-ticket", {**TICKET, "title": "x" * (17 << 20)})

    assert answered.error == (413, "REQUEST_ENTITY_TOO_LARGE", "RequestEntityTooLarge")
