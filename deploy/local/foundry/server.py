"""The server: sockets, TLS, and the order in which it all stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from deploy.local.foundry.certificates import make_certificates
from deploy.local.foundry.effects import Effects
from deploy.local.foundry.example import ONTOLOGY
from deploy.local.foundry.faults import Fault, Faults
from deploy.local.foundry.identity import ALL_SCOPES, Client, Identity
from deploy.local.foundry.loading import load_ontology, read_ontology
from deploy.local.foundry.misbehaviour import Connection
from deploy.local.foundry.ontology import Ontology
from deploy.local.foundry.service import Service
from deploy.local.foundry.stack import Foundry, Limits

DEFAULT_CLIENT = ("consumer", "consumer-secret")
LARGEST_BODY = 16 * 1024 * 1024
BACKLOG = 1024
GRACE = 1.0
"""Seconds that requests under way have to end when the server stops."""
MAKING = 4
"""Turns of the event loop within which a connection that was accepted is one that the server knows."""


@asynccontextmanager
async def serve(
    ontology: Ontology | Mapping[str, Any] | Path | None = None,
    *,
    port: int = 0,
    clients: Iterable[Client] | None = None,
    expires_in: float = 3600,
    faults: Iterable[Fault] = (),
    seed: int = 0,
    effects_file: Path | None = None,
    lean: bool = False,
    limits: Limits | None = None,
    cert_dir: Path | None = None,
) -> AsyncIterator[Foundry]:
    """Foundry on 127.0.0.1 as long as the block lasts, in this event loop. Over TLS if `cert_dir` is given.

    Args:
        ontology: one that is loaded, data, a file, or None for that of the shipped contracts.
        port: 0 takes a free one.
        clients: by default one, `DEFAULT_CLIENT`.
        expires_in: seconds that a token is valid.
        faults: those that are on from the start.
        seed: what the faults' chances are drawn from.
        effects_file: gets one JSON line for each action that took effect.
        lean: actions are neither validated nor kept, only counted.
        limits: of the stack.
        cert_dir: gets `ca.pem`, which clients have to trust, and the server's certificate.

    Raises:
        OSError: the port is taken, or a file cannot be read or written.
        ValueError: the ontology is none.
    """
    if clients is None:
        clients = [Client(DEFAULT_CLIENT[0], {DEFAULT_CLIENT[1]}, ALL_SCOPES)]
    with Effects(effects_file, lean=lean) as effects:
        foundry = Foundry(
            _ontology(ontology),
            identity=Identity(clients, expires_in=expires_in),
            faults=Faults(faults, seed=seed),
            effects=effects,
            limits=limits or Limits(),
        )
        async with listening(foundry, port, cert_dir):
            yield foundry


def _ontology(given: Ontology | Mapping[str, Any] | Path | None) -> Ontology:
    if isinstance(given, Ontology):
        return given
    return read_ontology(given) if isinstance(given, Path) else load_ontology(given or ONTOLOGY)


@asynccontextmanager
async def listening(
    foundry: Foundry, port: int, cert_dir: Path | None = None
) -> AsyncIterator[None]:
    """The stack can be reached as long as the block lasts; what it knows outlasts that, save its faults."""
    loop = asyncio.get_running_loop()
    certificates = None if cert_dir is None else make_certificates(cert_dir)
    service = Service(foundry)
    quiet: dict[str, Any] = {"access_log": None}  # the request log is the emulator's own
    web_server = web.Server(service.handle, request_factory=_request)
    listener = await loop.create_server(
        lambda: Connection(web_server, loop=loop, **quiet),
        "127.0.0.1",
        port,
        backlog=BACKLOG,
        ssl=None if certificates is None else certificates.context(),
    )
    scheme = "http" if certificates is None else "https"
    foundry.url = f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    foundry.ca_file = None if certificates is None else certificates.ca_file
    try:
        yield
    finally:
        # No new connections; then what hangs or waits is let go; then the rest has its grace.
        await _close(listener)
        await service.stop()
        web_server.pre_shutdown()
        connections = [cast(Connection, each) for each in web_server.connections]
        await web_server.shutdown(GRACE)
        for connection in connections:
            await connection.end()
        await listener.wait_closed()


async def _close(listener: asyncio.Server) -> None:
    """Accept no more, and let those be made that were accepted: one that is not yet made when asyncio's
    server closes is left open unread by it, or lives on past the end.
    """
    loop = asyncio.get_running_loop()
    for each in listener.sockets:
        loop.remove_reader(each.fileno())
    for _ in range(MAKING):
        await asyncio.sleep(0)
    listener.close()


def _request(
    message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY
    )
