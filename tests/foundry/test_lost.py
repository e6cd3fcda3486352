"""Connections that fail: on which side of the first byte decides whether it may have been executed."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from consumer.foundry.opening import open_foundry
from consumer.outcomes import Applied, Outage, Unknown
from tests.foundry.server import (
    MANY,
    Connected,
    after_token,
    config,
    http,
    raw,
    read_request,
    request,
    token_reply,
)

SHORT = 0.3
"""Seconds: what a test about a deadline has to wait for."""


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def hang_in_the_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-")
    await reader.read()


async def hang_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http("200 OK", b'{"val', length=100))
    await reader.read()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.read()


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (hang, "timeout"),
        (hang_in_the_headers, "timeout"),
        (hang_in_the_body, "timeout"),
        (hang_up, "reset"),
        (reset, "reset"),
        (babble, "reset"),
    ],
)
async def test_what_fails_after_the_body_left_is_unknown(behaviour: Connected, cause: str) -> None:
    async with (
        raw(after_token(behaviour)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=SHORT)) as foundry,
    ):
        await foundry.tokens.get()

        outcome = await foundry.actions.send(request())

        assert isinstance(outcome, Unknown)
        assert not outcome.answered
        assert outcome.gate == "timeouts"
        assert not outcome.everywhere
        assert outcome.answer.cause == cause


async def cut_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http("200 OK", b'{"validation":', length=100))
    await writer.drain()
    writer.close()


async def test_a_cut_success_is_applied_for_a_batch_and_unknown_for_a_single() -> None:
    async with (
        raw(after_token(cut_body)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}")) as foundry,
    ):
        assert await foundry.actions.send(request(MANY)) == Applied()
        single = await foundry.actions.send(request())

        assert isinstance(single, Unknown)
        assert single.answered


async def test_an_answer_without_an_end_is_given_up_at_the_cap() -> None:
    """The connection goes with it: what the server still sends is not taken."""
    taken = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        writer.write(http("200 OK", b"", length=1 << 30))
        while taken < 256 << 20 and not writer.transport.is_closing():
            writer.write(b" " * 65536)
            await writer.drain()
            taken += 65536
        writer.close()

    async with (
        raw(after_token(endless)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=3600.0)) as foundry,
    ):
        single = await foundry.actions.send(request())

        assert isinstance(single, Unknown)
        assert single.answered
        assert await foundry.actions.send(request(MANY)) == Applied()
        assert taken < 64 << 20


async def test_a_refused_connection_is_certainly_not_sent() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with (
            raw(after_token(hang_up)) as tokens_port,
            open_foundry(config(f"http://127.0.0.1:{tokens_port}")) as foundry,
        ):
            await foundry.tokens.get()
            await _move(foundry, port)

            outcome = await foundry.actions.send(request())

    assert isinstance(outcome, Outage)
    assert (outcome.gate, outcome.everywhere) == ("unreachable", True)
    assert outcome.answer.cause == "refused"


async def _move(foundry: object, port: int) -> None:
    """Point the actions elsewhere, so that the token is there but the host is not."""
    foundry.actions._base = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]  # the only way to separate them


async def test_a_full_pool_and_an_unaccepted_connection_are_certainly_not_sent() -> None:
    """A listener whose backlog is full lets nobody in: the deadline strikes while connecting."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(("127.0.0.1", port))
        try:
            async with (
                raw(after_token(hang)) as tokens_port,
                open_foundry(
                    config(f"http://127.0.0.1:{tokens_port}", request_timeout=SHORT)
                ) as foundry,
            ):
                await foundry.tokens.get()
                await _move(foundry, port)

                outcome = await foundry.actions.send(request())
        finally:
            for filler in fillers:
                filler.close()

    assert isinstance(outcome, Outage)
    assert outcome.gate == "unreachable"
    assert outcome.answer.cause == "connect_timeout"


async def test_a_name_that_does_not_resolve_is_an_outage_of_the_token() -> None:
    async with open_foundry(config("https://nowhere.invalid")) as foundry:
        outcome = await foundry.actions.send(request())

    assert isinstance(outcome, Outage)
    assert (outcome.gate, outcome.answer.cause) == ("token", "dns")


async def test_a_connection_that_the_server_closed_meanwhile_is_unknown_or_not_reused() -> None:
    """After a keep-alive ended unseen, the request either goes over a new connection or is unknown."""
    connections = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        head, _ = await read_request(reader)
        writer.write(token_reply() if "/oauth2/token" in head else http("200 OK"))
        await writer.drain()
        writer.close()

    async with raw(once) as port, open_foundry(config(f"http://127.0.0.1:{port}")) as foundry:
        outcomes = [await foundry.actions.send(request()) for _ in range(5)]

        assert all(
            outcome == Applied()
            or (isinstance(outcome, Unknown) and outcome.answer.cause == "reset")
            for outcome in outcomes
        )
        assert Applied() in outcomes


async def test_the_deadline_drops_bytes_that_are_still_buffered() -> None:
    """Given up means given up: what the peer did not take yet is never delivered later."""
    received = bytearray()
    go_on = asyncio.Event()
    ended = asyncio.Event()

    async def slow_reader(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await go_on.wait()
        try:
            while chunk := await reader.read(1 << 20):
                received.extend(chunk)
        finally:
            ended.set()

    def token_first() -> Connected:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.set_write_buffer_limits(0)
            await read_request(reader)
            writer.write(token_reply())
            await slow_reader(reader, writer)

        return connected

    size = 64 << 20
    async with (
        raw(token_first()) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=SHORT)) as foundry,
    ):
        await foundry.tokens.get()

        outcome = await foundry.actions.send(request(parameters=[b'{"note":"%b"}' % (b"x" * size)]))
        go_on.set()
        await ended.wait()

    assert isinstance(outcome, Unknown)
    assert len(received) < size


async def test_a_cancelled_request_passes_the_cancellation_on_and_closes_its_connection() -> None:
    arrived = asyncio.Event()
    closed = asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        try:
            await reader.read()
        finally:
            closed.set()

    async with (
        raw(after_token(wait)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}")) as foundry,
    ):
        sending = asyncio.create_task(foundry.actions.send(request()))
        await arrived.wait()

        sending.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sending
        await closed.wait()


async def test_a_token_that_does_not_come_in_time_sends_nothing() -> None:
    async with (
        raw(hang) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=SHORT)) as foundry,
    ):
        outcome = await foundry.actions.send(request())

    assert isinstance(outcome, Outage)
    assert (outcome.gate, outcome.answer.cause) == ("token", "timeout")
