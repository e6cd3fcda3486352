"""The emulator closes: what it knew by then is all that it will ever know."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from deploy.local.foundry import Foundry, serve
from deploy.local.foundry.wire import encode
from tests.emulator.caller import TICKET, calling

STEPS = range(8)
"""Turns of the event loop between a connection's coming and the end: somewhere among them it is accepted, but not made."""


@pytest.mark.parametrize("turns", STEPS)
async def test_a_connection_accepted_while_it_closes_takes_no_effect_afterwards(turns: int) -> None:
    async with serve() as foundry:
        request = await _an_apply(foundry)
        connection = socket.create_connection(_address(foundry))
        connection.sendall(request)
        for _ in range(turns):
            await asyncio.sleep(0)
    known = len(foundry.effects)
    answer = await _answer(connection)

    assert len(foundry.effects) == known
    assert answer.startswith(b"HTTP/1.1 200") == bool(known)


async def _answer(connection: socket.socket) -> bytes:
    """The first part of it; nothing if the connection was ended."""
    connection.setblocking(False)  # noqa: FBT003 - the standard library's own
    with connection:
        try:
            return await asyncio.get_running_loop().sock_recv(connection, 1 << 16)
        except ConnectionError:
            return b""


def _address(foundry: Foundry) -> tuple[str, int]:
    url = urlsplit(foundry.url)
    assert url.hostname is not None
    assert url.port is not None
    return url.hostname, url.port


async def _an_apply(foundry: Foundry) -> bytes:
    """As it goes over the wire, with a token."""
    async with calling(foundry) as caller:
        body = encode({"parameters": TICKET})
        path = caller.path("actions", "create-ticket", "apply")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: foundry\r\nAuthorization: Bearer {caller.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
