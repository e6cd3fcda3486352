"""Each fault over a real socket: what the client sees, and what took effect all the same."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from deploy.local.foundry import Foundry
from tests.emulator.caller import TICKET, Caller, switch_on, until

GONE = (aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", ["json", "text", "html", "empty"])
async def test_a_status_before_execution_leaves_nothing(
    caller: Caller, foundry: Foundry, status: int, body: str
) -> None:
    switch_on(foundry, f"status:status={status},body={body},retry_after=7")

    answered = await caller.apply("create-ticket", TICKET)

    assert (answered.status, answered.headers["Retry-After"]) == (status, "7")
    assert len(foundry.effects) == 0
    if body == "json":
        assert answered.error[0] == status
    else:
        assert answered.json is None


async def test_retry_after_is_left_out_unless_it_is_wanted(
    caller: Caller, foundry: Foundry
) -> None:
    switch_on(foundry, "status:status=429")

    assert "Retry-After" not in (await caller.apply("create-ticket", TICKET)).headers


async def test_a_status_after_execution_hides_an_effect(caller: Caller, foundry: Foundry) -> None:
    switch_on(foundry, "status:status=500,when=after")

    answered = await caller.apply("create-ticket", TICKET)

    assert answered.status == 500
    assert len(foundry.effects) == 1


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
async def test_a_cut_connection_hides_whether_there_was_an_effect(
    caller: Caller,
    foundry: Foundry,
    when: str,
    effects: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    switch_on(foundry, f"cut:when={when},times=1")

    with pytest.raises(GONE):
        await caller.apply("create-ticket", TICKET)

    assert len(foundry.effects) == effects
    await until(lambda: foundry.in_flight == 0)
    asked = list(foundry.requests)[-1]
    assert (asked.status, asked.delivered, asked.fault) == (None, False, "cut")
    assert caplog.records == []


async def test_a_body_that_ends_too_early_cannot_be_read(caller: Caller, foundry: Foundry) -> None:
    switch_on(foundry, "cut_body:when=after")

    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.apply("create-ticket", TICKET)

    assert len(foundry.effects) == 1


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
async def test_a_hanging_request_is_in_flight_until_it_is_let_go(
    caller: Caller, foundry: Foundry, when: str, effects: int
) -> None:
    switch_on(foundry, f"hang:when={when}")

    hanging = asyncio.create_task(caller.apply("create-ticket", TICKET))
    await until(lambda: foundry.in_flight == 1)
    await until(lambda: len(foundry.effects) == effects)
    shown = (await caller.control("GET", "in-flight")).json
    await caller.control("DELETE", "faults")

    with pytest.raises(GONE):
        await hanging
    assert shown["inFlight"] == 1
    assert shown["requests"][0]["path"].endswith("/create-ticket/apply")
    assert len(foundry.effects) == effects
    await until(lambda: foundry.in_flight == 0)


async def test_an_answer_that_hangs_for_a_while_comes_after_it(
    caller: Caller, foundry: Foundry
) -> None:
    """Applied at once, answered later: what a kill in between leaves open."""
    switch_on(foundry, "hang:when=after,seconds=0.05")

    asking = asyncio.create_task(caller.apply("create-ticket", TICKET))
    await until(lambda: len(foundry.effects) == 1)
    (under_way,) = foundry.requests.under_way

    assert list(under_way.items) == [TICKET]
    assert (await asking).status == 200


async def test_a_hanging_request_ends_when_its_client_goes(
    caller: Caller, foundry: Foundry
) -> None:
    switch_on(foundry, "hang")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await caller.apply("create-ticket", TICKET)

    await until(lambda: foundry.in_flight == 0)
    assert list(foundry.requests)[-1].delivered is False


@pytest.mark.parametrize("then", ["cut", "status"])
async def test_a_late_execution_takes_effect_after_the_client_has_given_up(
    caller: Caller, foundry: Foundry, then: str
) -> None:
    switch_on(foundry, f"late:seconds=0.1,then={then},status=504")

    if then == "cut":
        with pytest.raises(GONE):
            await caller.apply("create-ticket", TICKET)
    else:
        assert (await caller.apply("create-ticket", TICKET)).status == 504
    at_once = len(foundry.effects)
    await until(lambda: len(foundry.effects) == 1)

    assert at_once == 0
    assert foundry.objects.get("Ticket", "T-1") is not None


async def test_a_late_execution_of_what_is_there_meanwhile_has_no_effect(
    caller: Caller, foundry: Foundry
) -> None:
    switch_on(foundry, "late:seconds=0.05,then=status,times=1")
    switch_on(foundry, "late:seconds=0,then=status,times=1,status=504")

    await caller.apply("create-ticket", TICKET)
    await caller.apply("create-ticket", {**TICKET, "title": "Second"})
    await asyncio.sleep(0.1)

    assert [effect.parameters["title"] for effect in foundry.effects] == ["Second"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("unauthorized", (401, "UNAUTHORIZED", "Default:Unauthorized")),
        ("forbidden", (403, "PERMISSION_DENIED", "ApiUsageDenied")),
        ("missing:action=create-ticket", (404, "NOT_FOUND", "ActionTypeNotFound")),
        ("error:name=ObjectChanged,code=CONFLICT", (409, "CONFLICT", "ObjectChanged")),
        (
            "error:name=Actions:ObjectsAlreadyExist,code=INVALID_ARGUMENT",
            (400, "INVALID_ARGUMENT", "Actions:ObjectsAlreadyExist"),
        ),
        (
            "error:name=ObjectAlreadyExists,code=CONFLICT,status=500",
            (500, "CONFLICT", "ObjectAlreadyExists"),
        ),
    ],
)
async def test_foundrys_own_errors_can_be_had_at_will(
    caller: Caller, foundry: Foundry, fault: str, error: tuple[int, str, str]
) -> None:
    switch_on(foundry, fault)

    assert (await caller.apply("create-ticket", TICKET)).error == error
    assert len(foundry.effects) == 0


async def test_what_was_begun_takes_effect_though_its_client_has_gone(
    caller: Caller, foundry: Foundry, caplog: pytest.LogCaptureFixture
) -> None:
    """A timeout at the client stops nothing on the platform."""
    switch_on(foundry, "latency:seconds=0.1")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.03):
            await caller.apply("create-ticket", TICKET)
    await until(lambda: foundry.in_flight == 0)

    assert len(foundry.effects) == 1
    assert list(foundry.requests)[-1].delivered is False
    assert caplog.records == []


async def test_a_submission_criterion_can_fail(caller: Caller, foundry: Foundry) -> None:
    switch_on(foundry, "invalid:message=Not on Sundays")

    single = await caller.apply("create-ticket", TICKET)
    batch = await caller.batch("create-ticket", [TICKET])

    assert single.json["validation"]["result"] == "INVALID"
    assert single.json["validation"]["submissionCriteria"] == [
        {"configuredFailureMessage": "Not on Sundays", "result": "INVALID"}
    ]
    assert batch.error == (400, "INVALID_ARGUMENT", "ActionValidationFailed")
    assert len(foundry.effects) == 0


async def test_a_redirect_leads_to_a_login_page(caller: Caller, foundry: Foundry) -> None:
    switch_on(foundry, "redirect")

    answered = await caller.apply("create-ticket", TICKET)
    page = await caller.call("GET", answered.headers["Location"])

    assert answered.status == 302
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html")


async def test_a_page_with_status_200_is_no_answer_of_foundrys(
    caller: Caller, foundry: Foundry
) -> None:
    switch_on(foundry, "html")

    answered = await caller.apply("create-ticket", TICKET)

    assert (answered.status, answered.json) == (200, None)
    assert b"<html" in answered.body.lower() or b"<!doctype" in answered.body
    assert len(foundry.effects) == 0
