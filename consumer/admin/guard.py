"""The middleware for every request: to whom it is addressed, how much it carries, how it is refused."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from consumer.admin.problems import Problem, from_router

MOST_BODY_BYTES: Final = 65_536
_BODY_WITHIN: Final = 5.0
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?", re.ASCII)


@web.middleware
async def say_no_in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost: turns our problems and the router's into problem details. aiohttp logs bugs."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as failure:
        return from_router(failure).response()


def addressed_to(names: Collection[str]) -> Middleware:
    """Accept only requests addressed to these names, to `localhost`, or to a bare address.

    A foreign web page may have its own name resolve to our address and then read our answers as its own (DNS
    rebinding); but then that name is in `Host`.
    """
    known = {name.lower() for name in names} | {"localhost"}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall(hdrs.HOST, [])
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "exactly one well-formed Host header is required")
        name = match[1].strip("[]").lower().rstrip(".")
        if name not in known and not _is_address(name):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "the Host header is not a name of this service: use its address, or add the name to"
                " admin.allowed_hosts",
            )
        return await handler(request)

    return check


@web.middleware
async def take_no_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read and discard the body, within bounds, so that the connection can be used for another request."""
    if request.can_read_body:
        try:
            async with asyncio.timeout(_BODY_WITHIN):
                await request.read()
        except TimeoutError:
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time") from None
    return await handler(request)


async def mark(_: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer: no caching, no content sniffing, no version numbers."""
    response.headers[hdrs.SERVER] = "foundry-consumer"
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
