"""The session's sockets, and the moment before the first byte."""

from __future__ import annotations

import socket
from typing import Any

import aiohttp
import pytest

from consumer.foundry.opening import open_foundry
from consumer.foundry.transport import KEEPALIVE, open_session
from consumer.outcomes import Applied, Outage
from tests.foundry.server import config, request, running


async def test_the_kernel_gives_up_with_the_request() -> None:
    """What it still holds for a dead peer must not arrive after the request was given up."""
    async with open_session(config("acme.example", request_timeout=7.0)) as session:
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        assert connector._socket_factory is not None
        made = connector._socket_factory(
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))
        )

        with made:
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
            assert not made.getblocking()


async def test_the_pool_has_room_for_all_requests_and_forgets_idle_connections_early() -> None:
    async with open_session(config("acme.example", max_in_flight=64)) as session:
        assert session.connector is not None
        assert session.connector.limit == 68
        # Some servers close after two: what is written at that moment is left unknown.
        assert session.connector._keepalive_timeout == KEEPALIVE < 2
        assert not session.trust_env


def closing_at_once(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """The server's close arrives between the pool's look at a connection and its use."""
    real = aiohttp.TCPConnector.connect
    closed: list[int] = []

    async def connect(self: aiohttp.TCPConnector, *args: Any, **others: Any) -> Any:
        connection = await real(self, *args, **others)
        if len(closed) < times:
            closed.append(1)
            assert connection.transport is not None
            connection.transport.close()
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect)
    return closed


async def test_a_connection_found_closed_before_the_first_byte_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        await foundry.tokens.get()
        closed = closing_at_once(monkeypatch, 2)

        assert await foundry.actions.send(request()) == Applied()
        assert len(closed) == 2
        assert len(stack.seen) == 1


async def test_connections_that_are_always_found_closed_are_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        await foundry.tokens.get()
        closing_at_once(monkeypatch, 100)

        outcome = await foundry.actions.send(request())

        assert isinstance(outcome, Outage)
        assert outcome.gate == "unreachable"
        assert stack.seen == []
