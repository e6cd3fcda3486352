"""An answer that nobody asked for, left on a pooled connection, is never taken for a request's own.

Real sockets: what is tested is the order in which bytes and calls meet in the client library.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_writer import StreamWriter

from consumer.foundry import transport
from consumer.foundry.opening import open_foundry
from consumer.foundry.transport import Body, NotWritten, Phase
from consumer.model import Lookup, Request
from consumer.outcomes import Applied, Outage, Outcome, Refused
from tests.foundry.server import MANY, config, http, raw, read_request, request, token_reply

REFUSAL = (
    b'{"errorCode":"INVALID_ARGUMENT","errorName":"ActionValidationFailed",'
    b'"errorInstanceId":"i","parameters":{}}'
)
SURPLUS = {
    "success": http("200 OK", b"{}"),
    "busy": http("503 Service Unavailable", b"busy", "Retry-After: 1"),
    "timed out": http("408 Request Timeout", b""),
    "unfinished": http("200 OK", b"{", length=3),
}


class Peer:
    """Takes the first actions, and says on their idle connections what nobody asked; refuses all others."""

    def __init__(self, surplus: bytes, connections: int = 1) -> None:
        self._surplus = surplus
        self._first = connections
        self._silent = connections
        self._together = asyncio.Barrier(connections)
        self.executed: list[bytes] = []
        self.pooled = asyncio.Event()
        """The first answers were read, so that their connections are back in the pool."""
        self.said = asyncio.Event()
        self.cut_short = 0
        """Connections on which a request stood in part when they ended."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head, body = await read_request(reader)
            except asyncio.IncompleteReadError as end:
                self.cut_short += bool(end.partial)
                raise
            if "/oauth2/token" in head:
                writer.write(token_reply())
                continue
            self.executed.append(body)
            if not self._first:
                writer.write(http("400 Bad Request", REFUSAL))
                continue
            self._first -= 1
            await self._together.wait()
            writer.write(http("200 OK"))
            await writer.drain()
            await self.pooled.wait()
            writer.write(self._surplus)
            await writer.drain()
            self._silent -= 1
            if not self._silent:
                self.said.set()


@asynccontextmanager
async def two_sent(peer: Peer, first: Request, second: Request) -> AsyncIterator[list[Outcome]]:
    """What became of two requests, the second of which finds a surplus answer in the pool."""
    async with (
        raw(peer.serve) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=3.0)) as foundry,
    ):
        await foundry.tokens.get()
        outcomes = [await foundry.actions.send(first)]
        peer.pooled.set()
        await asyncio.wait_for(peer.said.wait(), 3)
        await asyncio.sleep(0.05)  # through the loopback, to where it stands unread
        outcomes.append(await foundry.actions.send(second))
        yield outcomes


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes just after the pool has looked at the connection."""
    monkeypatch.setattr(transport, "_Connector", aiohttp.TCPConnector)


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("size", [10, 300_000], ids=["one piece", "many pieces"])
@pytest.mark.parametrize("surplus", SURPLUS.values(), ids=SURPLUS)
async def test_a_request_is_judged_by_its_own_answer_alone(surplus: bytes, size: int) -> None:
    """The surplus success was taken for the answer to a request not yet written: the record was lost."""
    peer = Peer(surplus)
    first = b'{"ticketId":"T-1"}'
    second = b'{"ticketId":"' + b"2" * size + b'"}'

    async with two_sent(peer, request(MANY, [first]), request(MANY, [second])) as outcomes:
        pass

    assert isinstance(outcomes[0], Applied)
    assert isinstance(outcomes[1], Refused)


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("size", [10, 300_000], ids=["one piece", "many pieces"])
async def test_what_is_sent_again_on_another_connection_is_executed_once(size: int) -> None:
    """Nothing of it may follow on the connection that the surplus answer came from."""
    peer = Peer(SURPLUS["success"])
    second = b'{"ticketId":"' + b"2" * size + b'"}'

    async with two_sent(peer, request(MANY), request(MANY, [second])):
        await asyncio.sleep(0.1)

    assert len(peer.executed) == 2
    assert second in peer.executed[1]
    assert peer.cut_short == 0


async def test_nothing_is_written_where_something_stands_unread() -> None:
    """From Python 3.12 on the request is written first, and the surplus read after it."""
    loop = asyncio.get_running_loop()

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(SURPLUS["success"])
        await writer.drain()

    async with raw(say) as port:
        connection, protocol = await loop.create_connection(
            lambda: ResponseHandler(loop), "127.0.0.1", port
        )
        while not protocol.should_close:
            await asyncio.sleep(0.01)
        body = Body(b"{}", lambda: True)

        with pytest.raises(NotWritten):
            await body.write(StreamWriter(protocol, loop))
        connection.abort()

    assert body.phase is Phase.STALE


@pytest.mark.parametrize("connections", [1, 20], ids=["one", "a pool full of them"])
@pytest.mark.parametrize("surplus", SURPLUS.values(), ids=SURPLUS)
async def test_what_is_read_back_is_told_by_its_own_answer_alone(
    surplus: bytes, connections: int
) -> None:
    """The surplus success was an object that is there: an action was taken for applied, and lost."""
    peer = Peer(surplus, connections)
    async with (
        raw(peer.serve) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=3.0)) as foundry,
    ):
        await asyncio.gather(*(foundry.actions.send(request(MANY)) for _ in range(connections)))
        peer.pooled.set()
        await asyncio.wait_for(peer.said.wait(), 3)
        await asyncio.sleep(0.05)
        found = await foundry.actions.look_up(Lookup("Ticket", bool, key="T-1"))

    assert isinstance(found, Outage)
    assert found.answer.status == 400


async def test_not_even_a_connection_that_was_just_made_is_used_where_something_stands_unread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is spoken on before it is asked; so few are tried that the server is not flooded with them."""
    made: list[aiohttp.ClientRequest] = []
    connect = aiohttp.TCPConnector.connect

    async def spoken_on(connector: aiohttp.TCPConnector, *asked: Any, **more: Any) -> Connection:
        connection = await connect(connector, *asked, **more)
        assert connection.protocol is not None
        connection.protocol.data_received(SURPLUS["success"])
        made.append(asked[0])
        return connection

    async with raw(Peer(b"").serve) as port:
        session = transport.open_session(config(f"http://127.0.0.1:{port}"))
        monkeypatch.setattr(aiohttp.TCPConnector, "connect", spoken_on)
        async with session:
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(f"http://127.0.0.1:{port}/")

    assert len(made) == 1 + transport._MADE
