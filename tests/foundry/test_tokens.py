"""One token: fetched once at a time, renewed early, rotated without a restart, never raised about."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from consumer.foundry.opening import open_foundry
from consumer.foundry.tokens import Token, Tokens
from consumer.outcomes import Outage
from consumer.settings import Secret
from tests.foundry.server import SECRET, Answering, Stack, config, raw, running, text


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@asynccontextmanager
async def tokens_of(
    stack: Stack, time: Time | None = None, **changes: Any
) -> AsyncIterator[Tokens]:
    clock = time or Time()
    async with open_foundry(
        config(stack.url, **changes), clock=clock, jitter=lambda: 0.0
    ) as foundry:
        yield foundry.tokens


async def good(tokens: Tokens) -> Token:
    token = await tokens.get()
    assert isinstance(token, Token)
    return token


async def bad(tokens: Tokens) -> Outage:
    outage = await tokens.get()
    assert isinstance(outage, Outage)
    assert outage.gate == "token"
    assert outage.everywhere
    return outage


async def test_law_9_five_hundred_users_share_one_fetch() -> None:
    async with running() as stack, tokens_of(stack) as tokens:
        got = await asyncio.gather(*(tokens.get() for _ in range(500)))

        assert len(stack.token_requests) == 1
        assert len(set(map(id, got))) == 1


async def test_a_cancelled_user_leaves_the_fetch_to_the_others() -> None:
    async with running() as stack, tokens_of(stack) as tokens:
        first = asyncio.create_task(tokens.get())
        second = asyncio.create_task(tokens.get())
        await asyncio.sleep(0)

        first.cancel()

        assert isinstance(await second, Token)
        assert first.cancelled() or first.cancelling()
        assert len(stack.token_requests) == 1


async def test_credentials_go_into_the_body_and_both_scopes_are_asked_for() -> None:
    async with running() as stack, tokens_of(stack) as tokens:
        await good(tokens)

        assert stack.token_requests == [
            {
                "grant_type": "client_credentials",
                "scope": "api:ontologies-read api:ontologies-write",
                "client_id": "client",
                "client_secret": SECRET,
            }
        ]
        assert "Authorization" not in stack.token_headers[0]


async def test_basic_puts_the_encoded_credentials_into_the_header_alone() -> None:
    async with (
        running() as stack,
        tokens_of(stack, client_auth="basic", client_id="a:b", scopes=()) as tokens,
    ):
        await good(tokens)

        assert stack.token_requests == [{"grant_type": "client_credentials"}]
        kind, _, encoded = stack.token_headers[0]["Authorization"].partition(" ")
        assert kind == "Basic"
        assert base64.b64decode(encoded) == b"a%3Ab:Kanarie7-secret%2F%2B%3D0815"


async def test_a_token_is_renewed_in_the_background_at_three_quarters_of_its_life() -> None:
    time = Time()
    async with running() as stack, tokens_of(stack, time) as tokens:
        first = await good(tokens)
        time.at += 2699
        assert await good(tokens) is first
        assert len(stack.token_requests) == 1

        time.at += 1
        during = [await good(tokens) for _ in range(50)]
        renewed = await tokens.fetch()

        assert all(token is first for token in during)
        assert len(stack.token_requests) == 2
        assert await good(tokens) is renewed


async def test_a_failed_renewal_keeps_the_token_and_is_not_tried_at_once_again() -> None:
    time = Time()
    async with running() as stack, tokens_of(stack, time) as tokens:
        first = await good(tokens)
        stack.token_answer = text(503, "busy", "text/plain")
        time.at += 3000
        await good(tokens)
        assert isinstance(await tokens.fetch(), Outage)

        assert [await good(tokens) for _ in range(20)] == [first] * 20
        assert "foundry-token" not in {task.get_name() for task in asyncio.all_tasks()}
        assert len(stack.token_requests) == 2
        time.at += 5
        assert await good(tokens) is first
        await tokens.fetch()
        assert len(stack.token_requests) == 3


async def test_a_renewal_that_may_be_tried_at_once_again_is_not() -> None:
    """`Retry-After: 0`, or a date that has passed: each request would be one to the token endpoint as well."""
    time = Time()
    async with running() as stack, tokens_of(stack, time) as tokens:
        first = await good(tokens)
        stack.token_answer = text(429, "", "text/plain", **{"Retry-After": "0"})
        time.at += 3000
        await tokens.fetch()

        for _ in range(20):
            assert await good(tokens) is first
            await asyncio.sleep(0.002)

        assert len(stack.token_requests) == 2


async def test_an_ended_token_is_not_used() -> None:
    time = Time()
    async with running() as stack, tokens_of(stack, time) as tokens:
        first = await good(tokens)
        stack.token_answer = text(500, "", "text/plain")

        time.at += 3595

        assert (await bad(tokens)).answer.status == 500
        assert tokens.expires_at == first.expires_at


@pytest.mark.parametrize("expires_in", [0, 1, -5])
async def test_a_tiny_life_does_not_make_a_fetch_of_each_request(expires_in: int) -> None:
    time = Time()
    async with running() as stack, tokens_of(stack, time) as tokens:
        stack.expires_in = expires_in

        for _ in range(20):
            await good(tokens)

        assert len(stack.token_requests) == 1
        time.at += 5
        await good(tokens)
        assert len(stack.token_requests) == 2


async def test_a_late_refusal_of_an_old_token_leaves_the_new_one() -> None:
    async with running() as stack, tokens_of(stack) as tokens:
        old = await good(tokens)
        tokens.invalidate(old)
        new = await good(tokens)

        tokens.invalidate(old)

        assert await good(tokens) is new
        assert len(stack.token_requests) == 2


def checking(accepted: set[str]) -> Answering:
    """A token endpoint that knows some secrets."""

    async def answer(request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if form.get("client_secret") in accepted:
            return web.json_response({"access_token": "t", "expires_in": 3600})
        return web.json_response({"error": "invalid_client"}, status=401)

    return answer


async def test_a_secret_file_is_read_again_for_each_fetch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Kubernetes swaps a link: the path is opened anew, the former secret serves until the new one is known."""
    (tmp_path / "one").write_text("first\n")
    (tmp_path / "two").write_text("second\n")
    link = tmp_path / "secret"
    link.symlink_to("one")
    accepted = {"first"}
    async with (
        running() as stack,
        tokens_of(stack, client_secret=Secret("foundry.client_secret_file", path=link)) as tokens,
    ):
        stack.token_answer = checking(accepted)
        tokens.invalidate(await good(tokens))

        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").replace(link)
        tokens.invalidate(await good(tokens))
        said = [fields_of(caplog)]
        accepted.clear()
        accepted.add("second")
        tokens.invalidate(await good(tokens))
        said.append(fields_of(caplog))
        link.unlink()
        tokens.invalidate(await good(tokens))
        said.append(fields_of(caplog))

        used = [form["client_secret"] for form in stack.token_requests]
        assert used == ["first", "second", "first", "second", "second"]
        # Silent, a rotation that went wrong showed at the next restart: with no token at all.
        refused, fine, unreadable = said
        assert [each["cause"] for each in refused] == ["invalid_client"]
        assert "regenerate it" in refused[0]["remedy"]
        assert fine == []
        assert [each["cause"] for each in unreadable] == ["secret"]
        assert str(link) in unreadable[0]["why"]


def fields_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """Of each line about a former secret since the last look."""
    event = "former client secret in use"
    found = [each.__dict__["fields"] for each in caplog.records if each.message == event]
    caplog.clear()
    return found


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfecanary", b"x" * 70_000])
async def test_an_unusable_secret_file_is_an_outage_that_names_it(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "client-secret"
    if content is not None:
        path.write_bytes(content)
    async with (
        running() as stack,
        tokens_of(stack, client_secret=Secret("foundry.client_secret_file", path=path)) as tokens,
    ):
        outage = await bad(tokens)

        assert str(path) in outage.answer.detail
        assert "canary" not in repr(outage)
        assert stack.token_requests == []


async def test_a_silent_token_endpoint_ends_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(silent) as port:
        settings = config(f"http://127.0.0.1:{port}", request_timeout=0.1)
        async with open_foundry(settings) as foundry:
            assert (await bad(foundry.tokens)).answer.cause == "timeout"


async def test_closing_ends_a_fetch_under_way() -> None:
    entered = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        entered.set()
        await reader.read()

    async with raw(silent) as port:
        async with open_foundry(config(f"http://127.0.0.1:{port}")) as foundry:
            waiting = asyncio.create_task(foundry.tokens.get())
            await entered.wait()

        with pytest.raises(asyncio.CancelledError):
            await waiting
