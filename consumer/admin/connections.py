"""Limits the connections: old ones give way, so that probes are answered and sockets are left."""

from __future__ import annotations

from typing import Final

from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

MOST_CONNECTIONS: Final = 64
BACKLOG: Final = 16
"""Connections that may arrive in one step of the loop: the limit may be exceeded by so many for a moment."""


class Connections:
    """Makes the protocol of each connection; if there are too many, the oldest are aborted.

    aiohttp's server waits for ever for a first request. An answer takes milliseconds, so the oldest of many
    connections is one that is idle.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(self) -> RequestHandler:
        opened = self._server.connections  # in the order in which they were made
        for handler in opened[: max(0, len(opened) - MOST_CONNECTIONS + 1)]:
            if handler.transport is not None:
                handler.transport.abort()
        return self._server()
