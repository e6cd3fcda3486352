"""Small Foundry-like servers on loopback, each built for one test: real sockets, real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from consumer.foundry.config import FoundryConfig
from consumer.model import ActionType, PlainRecord, Prepared, Repeat, Request
from consumer.settings import Secret

SECRET = "Kanarie7-secret/+=0815"  # noqa: S105 - a canary
TOKEN = "Kanarie7-token"  # noqa: S105 - a canary
ONTOLOGY = "main"
ONE = ActionType("create-ticket", batch=1)
MANY = ActionType("create-ticket", batch=20)
Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """What reached the server."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Stack:
    """A server that issues numbered tokens, and answers all else by `answer`."""

    answer: Answering
    seen: list[Seen] = field(default_factory=list)
    token_requests: list[dict[str, str]] = field(default_factory=list)
    token_headers: list[dict[str, str]] = field(default_factory=list)
    token_answer: Answering | None = None
    expires_in: int = 3600
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/multipass/api/oauth2/token"):
            return await self._token(request)
        body = await request.read()
        self.seen.append(Seen(request.raw_path, dict(request.headers), body))
        return await self.answer(request)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        self.token_requests.append({key: str(value) for key, value in form.items()})
        self.token_headers.append(dict(request.headers))
        if self.token_answer is not None:
            return await self.token_answer(request)
        return web.json_response(
            {
                "access_token": f"{TOKEN}-{len(self.token_requests)}",
                "token_type": "Bearer",
                "expires_in": self.expires_in,
            }
        )


def replies(*answers: tuple[int, Any], headers: dict[str, str] | None = None) -> Answering:
    """JSON answers in turn; the last one again and again."""
    left = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        status, body = left.pop(0) if len(left) > 1 else left[0]
        return web.json_response(body, status=status, headers=headers)

    return answer


def text(status: int, body: str, content_type: str = "text/html", **headers: str) -> Answering:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, content_type=content_type, headers=headers)

    return answer


VALID = replies((200, {"validation": {"result": "VALID"}}))


@asynccontextmanager
async def running(answer: Answering = VALID) -> AsyncIterator[Stack]:
    stack = Stack(answer)
    application = web.Application(client_max_size=8 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", stack.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    stack.url = f"http://{host}:{port}"
    try:
        yield stack
    finally:
        await runner.cleanup()


Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw(connected: Connected, tls: Any = None) -> AsyncIterator[int]:
    """A bare TCP server: what happens on a connection is the test's to say."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await connected(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(accept(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)


async def read_request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Headers and whole body of one request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lengths = [
        line.split(":", 1)[1]
        for line in head.splitlines()
        if line.lower().startswith("content-length:")
    ]
    return head, await reader.readexactly(int(lengths[0])) if lengths else b""


def http(status: str, body: bytes = b"{}", *headers: str, length: int | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def token_reply() -> bytes:
    return http("200 OK", json.dumps({"access_token": f"{TOKEN}-1", "expires_in": 3600}).encode())


def after_token(then: Connected) -> Connected:
    """Serve the token on the first request of a connection, then do as the test says."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await read_request(reader)
        if "/oauth2/token" in head:
            writer.write(token_reply())
            await writer.drain()
            head, _ = await read_request(reader)
        await then(reader, writer)

    return connected


def config(url: str, **changes: Any) -> FoundryConfig:
    values: dict[str, Any] = {
        "hostname": url,
        "ontology": ONTOLOGY,
        "client_id": "client",
        "client_secret": Secret("foundry.client_secret", text=SECRET),
        "request_timeout": 5.0,
    }
    return FoundryConfig(**(values | changes))


def entry(action: ActionType, repeat: Repeat = Repeat.NEVER) -> Prepared:
    record = PlainRecord("tickets", 0, 0)
    return Prepared(record, "e-1", "opened", None, repeat, (), 0)


def request(
    action: ActionType = ONE,
    parameters: Sequence[bytes] = (b'{"ticketId":"T-1"}',),
    *,
    repeat: Repeat = Repeat.NEVER,
    may_send: Callable[[], bool] = lambda: True,
    **others: Any,
) -> Request:
    entries = [entry(action, repeat) for _ in parameters]
    return Request(action, parameters, entries, may_send, **others)
