"""How bytes reach Foundry: one session, a body that asks for permission once more, answers of bounded size."""

from __future__ import annotations

import contextlib
import enum
import socket
import ssl
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection

from consumer.errors import SettingsError
from consumer.foundry.answers import Reply
from consumer.foundry.config import FoundryConfig

MAX_ANSWER_BYTES = 1024 * 1024
MAX_READ_BYTES = 8 * MAX_ANSWER_BYTES
"""Limit for the answers to reads: one edit may put 3 MB into an object, and a page of action types holds many."""
_MOST_HEADER_BYTES = 64 * 1024
"""Limit for a single header. Stacks and login pages send more than aiohttp's own limit of 8190, and of such an
answer not even the status would be known."""
_MADE = 8
"""Most new connections that are tried in place of one, as a peer may speak first on every one of them."""
KEEPALIVE = 1.5
"""Seconds. Shorter than the idle timeouts of servers and load balancers (often five, some two): a request that is
written while its connection is being closed is left unknown."""
USER_AGENT = (
    f"foundry-consumer/{version('foundry-consumer')}"
    f" python/{sys.version_info.major}.{sys.version_info.minor}"
)
NETWORK_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)
"""Everything that the network can raise. Any other exception is a bug."""


class Phase(enum.Enum):
    """How far a request has got. Only `SENT` leaves its outcome open."""

    WAITING = enum.auto()
    STALE = enum.auto()
    """The pool gave a connection that the server has closed meanwhile: nothing was sent."""
    ASKED = enum.auto()
    WITHHELD = enum.auto()
    SENT = enum.auto()


class NotWritten(Exception):
    """The body was withheld; aiohttp then closes the connection without having written a byte."""


class Body(aiohttp.Payload):
    """A request's body, which asks for permission once there is a connection, before the first byte is written.

    aiohttp writes the headers together with the first piece of the body, and a server executes nothing before it
    has the whole body. So `phase` says exactly whether the request may have been executed; the type of a timeout
    does not, as it is the same in the pool, while connecting, in the handshake and afterwards.
    """

    _autoclose = True

    def __init__(self, body: bytes, may_send: Callable[[], bool]) -> None:
        super().__init__(body, content_type="application/json")
        self._size = len(body)
        self._may_send = may_send
        self._transport: Any = None
        self.response: aiohttp.ClientResponse | None = None
        """The answer, once its head has come."""
        self.phase = Phase.WAITING

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self._value).decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(
        self, writer: AbstractStreamWriter, content_length: int | None
    ) -> None:
        del content_length  # always the whole body
        transport, protocol = writer.transport, _protocol_of(writer)
        closing = transport is None or transport.is_closing()
        # Also if bytes came before the request was written, read or not: they are no answer to this request.
        if self.phase is Phase.STALE or closing or protocol.should_close:
            self.phase = Phase.STALE
            raise NotWritten
        self.phase = Phase.ASKED
        if not self._may_send():
            self.phase = Phase.WITHHELD
            raise NotWritten
        self._transport = transport
        self.phase = Phase.SENT
        await writer.write(self._value)

    def abort(self) -> None:
        """Drop the connection with everything still buffered: no late byte may reach Foundry."""
        if self._transport is not None:
            # Early releases of Python 3.11 raise it if a TLS connection is gone already.
            with contextlib.suppress(AttributeError):
                self._transport.abort()


def _protocol_of(writer: Any) -> Any:
    """The protocol of the writer's connection, which the abstract interface does not have."""
    return writer.protocol


def head_of(response: aiohttp.ClientResponse) -> Reply:
    """An answer without its body, which did not come."""
    kind = response.headers.get(hdrs.CONTENT_TYPE, "")
    return Reply(response.status, kind, b"", complete=False)


async def read_reply(response: aiohttp.ClientResponse, most: int = MAX_ANSWER_BYTES) -> Reply:
    """Read an answer, of `most` bytes at the most. A truncated body is no error here: the status alone says a lot.

    Raises:
        TimeoutError: only from an enclosing timeout.
    """
    chunks: list[bytes] = []
    size = 0
    complete = False
    try:
        while chunk := await response.content.readany():
            chunks.append(chunk)
            size += len(chunk)
            if size > most:
                break
        else:
            complete = True
    except (aiohttp.ClientError, OSError):
        complete = False
    finally:
        if not complete:
            response.close()
    headers = response.headers
    return Reply(
        response.status,
        headers.get(hdrs.CONTENT_TYPE, ""),
        b"".join(chunks)[:most],
        complete,
        headers.get(hdrs.RETRY_AFTER),
        headers.get("QoS-Retry-Hint"),
        headers.get(hdrs.DATE),
    )


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that always verifies certificate and host name; `ca_file` replaces the system's authorities.

    Raises:
        SettingsError: the file cannot be read as PEM certificates.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as exc:
        raise SettingsError(f"foundry.ca_file {str(ca_file)!r} cannot be used: {exc}") from exc


class _Connector(aiohttp.TCPConnector):
    """Never returns a connection with unread bytes: they would be taken for the answer to the next request."""

    async def connect(self, *asked: Any, **more: Any) -> Connection:
        """A connection without unread bytes.

        Raises:
            ClientConnectionError: even new connections have some.
        """
        connection = await super().connect(*asked, **more)
        if not _spoken_on(connection):
            return connection
        connection.close()
        # Tries all pooled ones, if need be: a proxy that closes idle connections may send a message on each.
        for _ in range(sum(map(len, self._conns.values())) + _MADE):
            connection = await super().connect(*asked, **more)
            if not _spoken_on(connection):
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError("the server speaks before it is asked")


def _spoken_on(connection: Connection) -> bool:
    return connection.protocol is None or connection.protocol.should_close


def open_session(config: FoundryConfig) -> aiohttp.ClientSession:
    """The one session; its opener closes it.

    Raises:
        SettingsError: `ca_file` cannot be used.
    """
    timeout = config.request_timeout
    connector = _Connector(
        limit=config.max_in_flight + 4,
        keepalive_timeout=KEEPALIVE,
        # True: verified against the system's authorities, with a context that aiohttp makes once.
        ssl=tls_context(config.ca_file) if config.ca_file is not None else True,
        socket_factory=_socket_factory(timeout),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        proxy=config.proxy,
        max_field_size=_MOST_HEADER_BYTES,
        # No `total`: the caller's deadline also covers waiting for a token and the second try, and aiohttp would
        # round it up to the next full second.
        timeout=aiohttp.ClientTimeout(
            total=None, connect=min(5.0, timeout), sock_connect=min(3.0, timeout)
        ),
        headers={
            hdrs.ACCEPT: "application/json",
            hdrs.ACCEPT_ENCODING: "identity",
            hdrs.USER_AGENT: USER_AGENT,
        },
    )


def _socket_factory(timeout: float) -> Callable[[Any], socket.socket]:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    milliseconds = max(1, int(timeout * 1000))

    def make(address: Any) -> socket.socket:
        family, kind, protocol, *_ = address
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)  # noqa: FBT003 - the socket's own signature
        if option is not None:
            # What the kernel still buffers for a dead peer must not be delivered after the request was given up.
            made.setsockopt(socket.IPPROTO_TCP, option, milliseconds)
        return made

    return make
