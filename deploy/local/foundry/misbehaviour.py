"""How each fault looks on the wire, once it has met a request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import cast

from aiohttp import web

from deploy.local.foundry.faults import Fault, Switched
from deploy.local.foundry.identity import unauthorized
from deploy.local.foundry.wire import Refusal, Reply, encode

LOGIN_PAGE = b"<!doctype html><title>Sign in</title><h1>Sign in to continue</h1>"
ERROR_PAGE = b"<html><head><title>%d</title></head><body><h1>%d</h1><hr>nginx</body></html>"
QUALITY_OF_SERVICE = {
    429: ("CUSTOM_CLIENT", "TooManyRequests"),
    503: ("CUSTOM_SERVER", "ServiceUnavailable"),
    504: ("TIMEOUT", "Default:Timeout"),
}
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Cut(Exception):
    """The connection ends here; `reply`, if any, is sent in part."""

    def __init__(self, reply: Reply | None = None) -> None:
        super().__init__()
        self.reply = reply


class Connection(web.RequestHandler):
    """A connection that can be held without an answer, and knows when its client has gone."""

    __slots__ = ("lost", "released", "wire")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.released = asyncio.Event()
        self.lost = asyncio.Event()
        self.wire = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.released.set()
        self.lost.set()
        super().connection_lost(exc)

    async def end(self) -> None:
        """Without waiting for the other side, which may have forgotten the connection."""
        # The first releases of Python 3.11 raise it for a TLS connection that is gone already.
        with contextlib.suppress(AttributeError):
            self.wire.abort()
        await self.lost.wait()

    async def hold(self, switched: Switched, seconds: float | None = None) -> None:
        """Until the client goes, the fault is cleared, the server stops, or so many seconds."""
        let_go = self.released.set
        switched.release.add(let_go)
        try:
            async with asyncio.timeout(seconds):
                await self.released.wait()
        except TimeoutError:
            pass
        finally:
            switched.release.discard(let_go)


async def misbehave(connection: Connection, switched: Switched, reply: Reply | None) -> Reply:
    """The answer that the fault gives instead of `reply`, which is None where nothing was executed.

    Raises:
        Refusal: Foundry's own error.
        Cut: no answer, or only a part of one.
    """
    fault = switched.fault
    kind = fault.then if fault.kind == "late" else fault.kind
    if kind == "hang":
        await connection.hold(switched, fault.seconds or None)
        if reply is not None and fault.seconds:
            return reply
        raise Cut
    if kind == "cut":
        raise Cut
    if kind == "cut_body":
        raise Cut(reply or Reply(200, encode({"validation": {"result": "VALID"}})))
    return _answer(fault, kind)


def _answer(fault: Fault, kind: str) -> Reply:
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    if kind == "redirect":
        return Reply(302, b"", "text/html", {"Location": "/login"})
    if kind == "html":
        return Reply(200, LOGIN_PAGE, "text/html")
    if kind == "limit":
        return _plain(429, "json", headers)
    if kind == "status":
        return _plain(fault.status or 503, fault.body, headers)
    raise _refusal(fault)


def _refusal(fault: Fault) -> Refusal:
    if fault.kind == "unauthorized":
        return unauthorized("EXPIRED")
    if fault.kind == "forbidden":
        return Refusal("PERMISSION_DENIED", "ApiUsageDenied", {"missingScope": fault.scope})
    if fault.kind == "missing":
        return Refusal("NOT_FOUND", "ActionTypeNotFound", {"actionType": fault.action})
    return Refusal(fault.code, fault.name, {}, status=fault.status)


def _plain(status: int, body: str, headers: dict[str, str]) -> Reply:
    if body == "json":
        code, name = QUALITY_OF_SERVICE.get(status, ("INTERNAL", "Default:Internal"))
        return Refusal(code, name, {}, status=status).reply(headers)
    if body == "html":
        return Reply(status, ERROR_PAGE % (status, status), "text/html", headers)
    text = b"upstream connect error" if body == "text" else b""
    return Reply(status, text, "text/plain", headers)


def overloaded() -> Reply:
    """More requests at once than a service user may have."""
    return _plain(429, "json", {"Retry-After": "1"})


def cut(request: web.BaseRequest, reply: Reply | None) -> None:
    """End the connection: with a reset, or half way through the body of `reply`."""
    transport = request.transport
    if transport is None:
        return
    if reply is None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
        return
    head = f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.content_type}\r\n"
    length = f"Content-Length: {len(reply.body)}\r\n\r\n"
    transport.write((head + length).encode() + reply.body[: len(reply.body) // 2])
    transport.close()
