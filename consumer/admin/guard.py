"""What every request passes: whom it is addressed to, how much it carries, how a no is said."""

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
    """Outermost: problems of ours and of the router, as problem details. A bug is the library's to log."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as failure:
        return from_router(failure).response()


def addressed_to(names: Collection[str]) -> Middleware:
    """Only what is addressed to these names, to `localhost`, or to a bare address.

    A page of somebody else's may have its own name resolve to our address and then read our answers as
    its own (DNS rebinding); that name stands in `Host`.
    """
    known = {name.lower() for name in names} | {"localhost"}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall(hdrs.HOST, [])
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            raise Problem(HTTPStatus.BAD_REQUEST, "one well-formed Host header is wanted")
        name = match[1].strip("[]").lower().rstrip(".")
        if name not in known and not _is_address(name):
            raise Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "this name is not one of this service: use its address, or add the name to"
                " admin.allowed_hosts",
            )
        return await handler(request)

    return check


@web.middleware
async def take_no_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A body is read away within a bound, so that the connection is good for another request."""
    if request.can_read_body:
        try:
            async with asyncio.timeout(_BODY_WITHIN):
                await request.read()
        except TimeoutError:
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "the body did not come in time") from None
    return await handler(request)


async def mark(_: web.Request, response: web.StreamResponse) -> None:
    """Headers of every answer: kept by nobody, guessed at by nobody, and no versions told."""
    response.headers[hdrs.SERVER] = "foundry-consumer"
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
