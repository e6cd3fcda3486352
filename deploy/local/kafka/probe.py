"""Is it a Kafka broker that answers there, and is it in its cluster? Asked over the wire, with nothing but a socket."""

from __future__ import annotations

import socket
import struct

METADATA, METADATA_VERSION = 3, 1
NO_TOPICS = struct.pack(">i", 0)
NULL_CLIENT_ID = struct.pack(">h", -1)


def answers(host: str, port: int, timeout: float = 1.0) -> bool:
    """True when the broker names at least one registered broker: only then can topics be made.

    `timeout` in seconds, for each step.
    """
    body = struct.pack(">hhi", METADATA, METADATA_VERSION, 1) + NULL_CLIENT_ID + NO_TOPICS
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = _exactly(connection, struct.unpack(">i", _exactly(connection, 4))[0])
    except OSError:
        return False
    _correlation_id, brokers = struct.unpack_from(">ii", answer)
    return bool(brokers > 0)


def _exactly(connection: socket.socket, size: int) -> bytes:
    chunks = b""
    while len(chunks) < size:
        chunk = connection.recv(size - len(chunks))
        if not chunk:
            raise ConnectionResetError("the broker closed the connection")
        chunks += chunk
    return chunks
