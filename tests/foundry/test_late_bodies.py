"""An answer whose body does not come before the deadline: its head may say all."""

from __future__ import annotations

import asyncio

import pytest

from consumer.foundry.opening import open_foundry
from consumer.outcomes import Applied, Unknown
from tests.foundry.server import MANY, Connected, after_token, config, http, raw, request

SHORT = 0.3
"""Seconds: what a test about a deadline has to wait for."""


async def hang_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http("200 OK", b'{"val', length=100))
    await reader.read()


async def test_a_success_whose_body_does_not_come_in_time_is_applied_for_a_batch() -> None:
    """Its status says all: an action that must not be repeated would else become a letter of what may be."""
    async with (
        raw(after_token(hang_in_the_body)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=SHORT)) as foundry,
    ):
        await foundry.tokens.get()

        assert await foundry.actions.send(request(MANY)) == Applied()


async def page_without_an_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n")
    await reader.read()


async def failure_without_an_end(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(http("500 Internal Server Error", b"{", length=100))
    await reader.read()


@pytest.mark.parametrize("behaviour", [page_without_an_end, failure_without_an_end])
async def test_of_any_other_answer_the_status_alone_says_nothing(behaviour: Connected) -> None:
    async with (
        raw(after_token(behaviour)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=SHORT)) as foundry,
    ):
        await foundry.tokens.get()

        assert isinstance(await foundry.actions.send(request(MANY)), Unknown)
