"""Tries to reach the host step by step: name, connection, TLS. Each failure has one clear cause."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from consumer.foundry.causes import CONNECT_TIMEOUT, DNS, TLS, Cause, cause_of
from consumer.foundry.config import FoundryConfig
from consumer.foundry.transport import tls_context
from consumer.outcomes import Outage

STEP_TIMEOUT = 5.0
Step = Literal["dns", "tcp", "tls"]


@dataclass(frozen=True, slots=True)
class Reached:
    """A step that succeeded."""

    step: Step
    detail: str


@dataclass(frozen=True, slots=True)
class Unreached:
    """The step that failed; later ones were not tried."""

    step: Step
    outage: Outage


async def reach(config: FoundryConfig) -> list[Reached | Unreached]:
    """Try each step in turn, up to the first that fails. Never raises for anything the network does.

    With a proxy the steps only go as far as the proxy: what is behind it shows when the token is fetched.
    """
    parts = urlsplit(config.proxy or config.hostname)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    steps: list[Reached | Unreached] = [await _resolve(host, port)]
    if isinstance(steps[-1], Reached):
        steps.append(await _connect(host, port))
    if secure and isinstance(steps[-1], Reached):
        steps.append(await _handshake(host, port, tls_context(config.ca_file)))
    return steps


async def _resolve(host: str, port: int) -> Reached | Unreached:
    try:
        async with asyncio.timeout(STEP_TIMEOUT):
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
    except (OSError, UnicodeError):
        return _failed("dns", DNS)
    addresses = sorted({str(address[4][0]) for address in found})
    return Reached("dns", f"{host} is {', '.join(addresses)}")


async def _connect(host: str, port: int) -> Reached | Unreached:
    try:
        async with asyncio.timeout(STEP_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return _failed("tcp", CONNECT_TIMEOUT)
    except OSError as failure:
        return _failed("tcp", cause_of(failure))
    await _hang_up(writer)
    return Reached("tcp", f"port {port} accepts connections")


async def _handshake(host: str, port: int, context: ssl.SSLContext) -> Reached | Unreached:
    try:
        async with asyncio.timeout(STEP_TIMEOUT):
            _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except ssl.SSLError as failure:
        return _failed("tls", cause_of(failure))
    except (OSError, TimeoutError):
        return _failed("tls", TLS)
    session: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = session.getpeercert() or {}
    until = certificate.get("notAfter", "an unknown time")
    await _hang_up(writer)
    return Reached("tls", f"{session.version()}, certificate valid until {until}")


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    try:
        await writer.wait_closed()
    except (OSError, ssl.SSLError):
        # The connection has served its purpose: how it ends does not matter.
        return


def _failed(step: Step, cause: Cause) -> Unreached:
    return Unreached(step, cause.outage())
