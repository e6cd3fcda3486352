"""The server: its routes, where it listens, and how it ends."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

from consumer.admin.bearer import Doorkeeper
from consumer.admin.connections import BACKLOG, Connections
from consumer.admin.guard import (
    MOST_BODY_BYTES,
    addressed_to,
    mark,
    say_no_in_json,
    take_no_body,
)
from consumer.admin.problems import Problem
from consumer.admin.verbs import Operator, Verbs
from consumer.errors import StartRefused
from consumer.ports import Checks
from consumer.settings import Secret

_LINGER: Final = 1.0
_IDLE: Final = 30.0


@dataclass(frozen=True, slots=True)
class AdminConfig:
    """The `[admin]` section. Here port 0 means any free one: whether to serve at all is decided elsewhere."""

    host: str
    port: int
    token: Secret | None
    allowed_hosts: Collection[str]


@dataclass(frozen=True, slots=True)
class Surface:
    """What the routes show and do. Everything but the operator's `skip` is quick and raises nothing."""

    live: Checks
    ready: Checks
    metrics: Callable[[str], tuple[bytes, str]]
    """From the `Accept` header to a page and its content type."""
    status: Callable[[], Mapping[str, Any]]
    """JSON; its `gate` lists what is closed."""
    operator: Operator


@asynccontextmanager
async def serve(
    config: AdminConfig, surface: Surface, *, now: Callable[[], float] = time.monotonic
) -> AsyncIterator[int]:
    """Answer requests until the block ends; yields the port. A slow client does not hold up the consumer.

    Raises:
        StartRefused: the address cannot be listened on.
    """
    server_logger.addFilter(_tells_of_us)
    runner = web.AppRunner(
        application(config, surface, now),
        access_log=None,
        handle_signals=False,
        keepalive_timeout=_IDLE,
        lingering_time=_LINGER,
        shutdown_timeout=_LINGER,
    )
    await runner.setup()
    try:
        listening = await _listen(config, runner)
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            listening.close()
    finally:
        await runner.cleanup()


def _tells_of_us(record: logging.LogRecord) -> bool:
    """Log bugs, not malformed requests: those are answered, and somebody else could flood the log with them."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _listen(config: AdminConfig, runner: web.AppRunner) -> asyncio.Server:
    if runner.server is None:
        raise RuntimeError("the runner was not set up")
    make = Connections(runner.server)
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(make, config.host, config.port, backlog=BACKLOG)
    except OSError as failure:
        raise StartRefused(
            f"admin: {config.host} port {config.port} cannot be listened on: {failure.strerror};"
            " set admin.port to a free one, or to 0 to turn it off"
        ) from failure


def application(config: AdminConfig, surface: Surface, now: Callable[[], float]) -> web.Application:
    """The routes, behind the middleware."""
    app = web.Application(
        middlewares=[
            say_no_in_json,
            addressed_to([config.host, *config.allowed_hosts]),
            take_no_body,
        ],
        client_max_size=MOST_BODY_BYTES,
    )
    app.on_response_prepare.append(mark)
    verbs = Verbs(surface.operator, Doorkeeper(config.token, now), surface.status)
    app.add_routes(
        [
            web.get("/livez", _probe(surface.live)),
            web.get("/readyz", _probe(surface.ready)),
            web.get("/metrics", _metrics(surface.metrics)),
            web.get("/status", _status(surface.status)),
            *verbs.routes(),
        ]
    )
    return app


def _probe(checks: Checks) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.Response:
        found = checks()
        failing = {name: why for name, why in found.items() if why}
        if failing:
            said = "; ".join(f"{name}: {why}" for name, why in failing.items())
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, said, checks=found)
        return web.json_response({"checks": dict(found)})

    return answer


def _metrics(page: Callable[[str], tuple[bytes, str]]) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.Response:
        body, content_type = page(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})

    return answer


def _status(status: Callable[[], Mapping[str, Any]]) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            text=json.dumps(status(), indent=2) + "\n", content_type="application/json"
        )

    return answer
