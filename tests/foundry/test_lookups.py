"""Reading back: found, missing, or an outage. Missing only where Foundry itself says so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from consumer.foundry.opening import open_foundry
from consumer.model import Lookup
from consumer.outcomes import Found, Missing, Outage
from tests.foundry.server import (
    Answering,
    Connected,
    after_token,
    config,
    http,
    raw,
    replies,
    running,
    text,
)

MISSING = {"errorCode": "NOT_FOUND", "errorName": "ObjectNotFound", "parameters": {}}


def by_key(key: str | int | None) -> Lookup:
    return Lookup("Ticket", bool, key=key)


def by_search(**where: Any) -> Lookup:
    return Lookup("Note", bool, where=where)


async def test_an_object_is_got_by_its_key_as_one_segment() -> None:
    async with (
        running(replies((200, {"title": "x"}))) as stack,
        open_foundry(config(stack.url)) as foundry,
    ):
        found = await foundry.actions.look_up(by_key("../T 1/ü?#"))
        await foundry.actions.look_up(by_key(7))

        assert found == Found({"title": "x"})
        root = "/api/v2/ontologies/main/objects/Ticket"
        assert [seen.path for seen in stack.seen] == [
            f"{root}/..%2FT%201%2F%C3%BC%3F%23",
            f"{root}/7",
        ]


async def test_an_object_that_is_as_large_as_foundry_lets_it_be_is_found() -> None:
    """Cut at what an action's answer may have, it could never be read back: its lane waited for ever."""
    large = {"text": "x" * 3_000_000}
    async with (
        running(replies((200, large))) as stack,
        open_foundry(config(stack.url)) as foundry,
    ):
        assert await foundry.actions.look_up(by_key("T-1")) == Found(large)


async def test_an_absent_object_is_missing() -> None:
    async with (
        running(replies((404, MISSING))) as stack,
        open_foundry(config(stack.url)) as foundry,
    ):
        assert await foundry.actions.look_up(by_key("T-1")) == Missing()


@pytest.mark.parametrize("key", ["", ".", "..", None])
async def test_a_key_that_no_path_can_hold_is_not_asked_for(key: str | None) -> None:
    """It would address the list of objects, or something else altogether."""
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.look_up(by_key(key))

        assert isinstance(outcome, Outage)
        assert outcome.gate == "misconfigured"
        assert stack.seen == []


async def test_a_search_asks_for_equal_properties_and_takes_the_first() -> None:
    async with running(replies((200, {"data": [{"id": 1}, {"id": 2}]}))) as stack:
        async with open_foundry(config(stack.url)) as foundry:
            one = await foundry.actions.look_up(by_search(eventId="e-1"))
            await foundry.actions.look_up(by_search(eventId="e-1", kind="note"))

        assert one == Found({"id": 1})
        assert stack.seen[0].path == "/api/v2/ontologies/main/objects/Note/search"
        assert stack.seen[0].json() == {
            "where": {"type": "eq", "field": "eventId", "value": "e-1"},
            "pageSize": 1,
            "select": [],
        }
        assert stack.seen[1].json()["where"]["type"] == "and"
        assert len(stack.seen[1].json()["where"]["value"]) == 2


async def test_an_empty_page_with_a_next_one_is_not_yet_missing() -> None:
    """A page may be cut short: a false "missing" would let the action be sent twice."""
    pages = replies(
        (200, {"data": [], "nextPageToken": "two"}),
        (200, {"data": [{"id": 1}]}),
        (200, {"data": []}),
    )
    async with running(pages) as stack, open_foundry(config(stack.url)) as foundry:
        assert await foundry.actions.look_up(by_search(eventId="e-1")) == Found({"id": 1})
        assert await foundry.actions.look_up(by_search(eventId="e-1")) == Missing()
        assert stack.seen[1].json()["pageToken"] == "two"


async def test_pages_that_never_end_are_an_outage() -> None:
    endless = replies((200, {"data": [], "nextPageToken": "more"}))
    async with running(endless) as stack, open_foundry(config(stack.url)) as foundry:
        assert isinstance(await foundry.actions.look_up(by_search(eventId="e-1")), Outage)
        assert len(stack.seen) == 10


async def test_all_pages_of_a_search_end_within_the_time_of_one_request() -> None:
    """Each had a time of its own: a drain did not wait for so long, and a watchdog ended the process."""

    async def slow(incoming: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.json_response({"data": [], "nextPageToken": "more"})

    async with (
        running(slow) as stack,
        open_foundry(config(stack.url, request_timeout=0.5)) as foundry,
    ):
        outcome = await foundry.actions.look_up(by_search(eventId="e-1"))

        assert isinstance(outcome, Outage)
        assert (outcome.gate, outcome.answer.cause) == ("timeouts", "timeout")
        assert len(stack.seen) <= 3


OUTAGES: list[tuple[Answering, str, bool]] = [
    (text(200, "<html>"), "not_foundry", True),
    (text(404, ""), "wrong_host", True),
    (text(302, "", Location="/login"), "redirected", True),
    (text(502, ""), "failing", False),
    (replies((200, [])), "failing", False),
    (replies((500, {"errorCode": "INTERNAL", "errorName": "Default:Internal"})), "failing", False),
    (replies((429, {})), "overloaded", True),
    (replies((401, {})), "token", True),
    (replies((403, {"errorCode": "PERMISSION_DENIED", "errorName": "X"})), "forbidden", False),
    (replies((404, {"errorCode": "NOT_FOUND", "errorName": "ObjectTypeNotFound"})), "misconfigured", False),
    (replies((404, {"errorCode": "NOT_FOUND", "errorName": "OntologyNotFound"})), "missing_ontology", True),
    (replies((400, {"errorCode": "INVALID_ARGUMENT", "errorName": "PropertiesNotSearchable"})), "misconfigured", False),
    (replies((409, {"errorCode": "CONFLICT", "errorName": "OntologySyncing"})), "failing", False),
]  # fmt: skip


@pytest.mark.parametrize("lookup", [by_key("T-1"), by_search(eventId="e-1")], ids=["get", "search"])
@pytest.mark.parametrize(
    ("answer", "gate", "everywhere"),
    OUTAGES,
    ids=[f"{row[1]}-{index}" for index, row in enumerate(OUTAGES)],
)
async def test_what_cannot_be_read_is_an_outage_and_never_missing(
    answer: Answering,
    gate: str,
    everywhere: bool,  # noqa: FBT001 - a column of the table
    lookup: Lookup,
) -> None:
    async with running(answer) as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.look_up(lookup)

        assert isinstance(outcome, Outage)
        assert (outcome.gate, outcome.everywhere) == (gate, everywhere)


@pytest.mark.parametrize("lookup", [by_key("T-1"), by_search(eventId="e-1")], ids=["get", "search"])
async def test_a_cut_answer_is_an_outage_and_never_missing(lookup: Lookup) -> None:
    async def cut(reader: Any, writer: Any) -> None:
        writer.write(http("200 OK", b'{"data":[]', length=50))
        writer.close()

    async with (
        raw(after_token(cut)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}")) as foundry,
    ):
        assert isinstance(await foundry.actions.look_up(lookup), Outage)


async def silent(reader: Any, writer: Any) -> None:
    await asyncio.sleep(10)


async def gone(reader: Any, writer: Any) -> None:
    writer.close()


@pytest.mark.parametrize("lookup", [by_key("T-1"), by_search(eventId="e-1")], ids=["get", "search"])
@pytest.mark.parametrize(
    ("served", "cause"), [(silent, "timeout"), (gone, "reset")], ids=["silent", "gone"]
)
async def test_reads_without_an_answer_say_nothing_of_what_acts(
    served: Connected, cause: str, lookup: Lookup
) -> None:
    """Objects are read from another service than the one that applies actions: a slow one is no dead host."""
    async with (
        raw(after_token(served)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=0.5)) as foundry,
    ):
        outcome = await foundry.actions.look_up(lookup)

        assert isinstance(outcome, Outage)
        assert (outcome.gate, outcome.everywhere) == ("timeouts", False)
        assert outcome.answer.cause == cause


async def test_a_dead_token_is_renewed_for_a_lookup_too() -> None:
    async def first_is_dead(incoming: web.Request) -> web.StreamResponse:
        dead = incoming.headers["Authorization"].endswith("-1")
        return web.json_response({}, status=401 if dead else 200)

    async with running(first_is_dead) as stack, open_foundry(config(stack.url)) as foundry:
        assert await foundry.actions.look_up(by_key("T-1")) == Found({})
        assert len(stack.token_requests) == 2
