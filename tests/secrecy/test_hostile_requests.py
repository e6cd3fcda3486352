"""Whatever a publisher writes, only the requests that are meant reach Foundry."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

from hypothesis import given, strategies as st

from consumer.contracts import ask
from consumer.foundry.config import endpoint
from consumer.foundry.opening import open_foundry
from consumer.model import Call, Headers, Lookup, PlainRecord, Prepared, Repeat, Request
from consumer.telemetry import Failing, TracedActions
from tests.foundry.server import MANY, Stack, config, replies, running
from tests.secrecy.hostile import TEXTS, TOO_LONG, hostile_texts
from tests.stages.routes import create, outcome

ROOT = "/api/v2/ontologies/main"
OURS = {
    *("Host", "Accept", "Accept-Encoding", "User-Agent", "Authorization", "Content-Type"),
    *("Content-Length", "traceparent", "tracestate"),
}
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
EMPTY = replies((200, {"data": []}))


@given(hostile_texts, st.text("abc", min_size=1))
def test_a_value_stays_one_segment_of_the_path(value: str, after: str) -> None:
    if value in {"", ".", ".."}:
        return
    url = endpoint("https://acme.example/prefix", "api", value, after)

    prefix, api, segment, last = url.raw_path.split("/")[1:]
    assert (url.host, prefix, api, last) == ("acme.example", "prefix", "api", after)
    assert (url.query_string, url.fragment, url.user) == ("", "", None)
    assert re.fullmatch(r"[A-Za-z0-9._~%-]+", segment)
    assert unquote(segment, errors="strict") == value


async def test_a_hostile_primary_key_asks_for_one_object_and_nothing_else() -> None:
    """Those with control characters are refused with their record."""
    keys = [value for value in TEXTS if _lookup(value) is not None]
    async with running(EMPTY) as stack, open_foundry(config(stack.url)) as foundry:
        for value in keys:
            found = _lookup(value)
            assert found is not None
            await foundry.actions.look_up(found)

        assert len(keys) == len(TEXTS) - 4
        for seen, value in zip(stack.seen, keys, strict=True):
            assert seen.path.startswith(f"{ROOT}/objects/Ticket/")
            assert unquote(seen.path.removeprefix(f"{ROOT}/objects/Ticket/")) == value
            assert seen.path.count("/") == 7
            assert seen.headers.keys() <= OURS


async def test_a_hostile_search_value_stays_a_value() -> None:
    async with running(EMPTY) as stack, open_foundry(config(stack.url)) as foundry:
        for value in (*TEXTS, TOO_LONG):
            await foundry.actions.look_up(Lookup("Note", bool, where={"title": value}))

        for seen, value in zip(stack.seen, (*TEXTS, TOO_LONG), strict=True):
            assert seen.path == f"{ROOT}/objects/Note/search"
            assert seen.headers.keys() <= OURS
            assert seen.json()["where"] == {"type": "eq", "field": "title", "value": value}


async def test_no_header_of_a_record_becomes_a_header_of_a_request() -> None:
    """Its trace alone is passed on, and only where it is one to the letter."""
    good = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    hostile: list[Headers] = [[]]
    for value in (*TEXTS, TOO_LONG):
        text = value.encode()
        hostile += [
            [("traceparent", text)],
            [("traceparent", good.encode() + text)],
            [("traceparent", good.encode()), ("tracestate", text)],
            [("traceparent", good.encode()), ("tracestate", b"a=" + text)],
            [("traceparent", good.encode()), (value, text), ("X-Injected", text)],
            [("Authorization", text), ("Host", text), ("Content-Length", text)],
        ]

    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        actions = TracedActions(foundry.actions, Failing())
        for headers in hostile:
            await actions.send(_request(headers))

        assert len(stack.seen) == len(hostile)
        for seen in stack.seen:
            _refuse_foreign(stack, seen.headers)
            assert seen.path == f"{ROOT}/actions/create-ticket/applyBatch"
            assert len(json.loads(seen.body)["requests"]) == 1


def _lookup(key: str) -> Lookup | None:
    """What the route asks for; None: the record is refused."""
    found = outcome(create, repeat=ask("Ticket", key=lambda _: key))
    return found.lookup if isinstance(found, Prepared) else None


def _refuse_foreign(stack: Stack, headers: dict[str, str]) -> None:
    assert headers.keys() <= OURS
    assert headers["Host"] == stack.url.removeprefix("http://")
    assert headers["Authorization"].startswith("Bearer Kanarie7-token-")
    assert TRACEPARENT.fullmatch(headers["traceparent"])
    assert re.fullmatch(r"[\x20-\x7e]{0,512}", headers.get("tracestate", ""))


def _request(headers: Headers) -> Request:
    record = PlainRecord("tickets", 0, 0, headers=headers)
    call = Call(MANY, b"{}")
    entry = Prepared(record, "e-1", "opened", None, Repeat.SAFE, (call,), 0)
    return Request(MANY, [call.parameters], [entry], may_send=lambda: True)
