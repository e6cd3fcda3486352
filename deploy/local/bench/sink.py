"""`python -m deploy.local.bench.sink`: as much of Foundry as a benchmark needs, at the least cost, in its own process.

It gives a token, answers `applyBatch` and `apply` with `{}` after a delay that may be 0, and counts. It is
told what to do and asked what it saw under `/bench/`.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from typing import Any, Final

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_ITEM: Final = b'{"parameters":'


def _answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


_APPLIED: Final = _answer(b"200 OK", b"{}")
_TOKEN: Final = _answer(
    b"200 OK", b'{"access_token":"bench","token_type":"bearer","expires_in":86400}'
)


class Sink:
    """What was asked for since the last reset."""

    def __init__(self) -> None:
        self.reset({})

    def reset(self, wanted: dict[str, Any]) -> None:
        """Forget all, and answer after `low` to `high` seconds from now on."""
        self._low: float = wanted.get("low", 0.0)
        self._high: float = wanted.get("high", self._low)
        self._keep_arrivals: bool = wanted.get("arrivals", False)
        self._rng = random.Random(wanted.get("seed", 1))  # noqa: S311 - it keeps no secret
        self._requests = self._items = self._in_flight = self._most_in_flight = 0
        self._first = self._last = 0.0
        self._arrivals: list[float] = []

    def seen(self) -> dict[str, Any]:
        """Times are seconds of the machine's monotonic clock."""
        return {
            "requests": self._requests,
            "items": self._items,
            "most_in_flight": self._most_in_flight,
            "first": self._first,
            "last": self._last,
            "arrivals": self._arrivals,
        }

    def begin(self, body: bytes, *, batched: bool) -> float:
        """A request arrived; returns the seconds after which it is to be answered."""
        now = time.monotonic()
        if not self._requests:
            self._first = now
        self._requests += 1
        items = body.count(_ITEM) if batched else 1
        self._items += items
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        if self._keep_arrivals:
            self._arrivals += [now] * items
        return self._rng.uniform(self._low, self._high) if self._high else 0.0

    def end(self) -> None:
        """It is being answered."""
        self._in_flight -= 1
        self._last = time.monotonic()


class Connection(asyncio.Protocol):
    """HTTP/1.1 as the contenders speak it: one request at a time, bodies with their length."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head_end = received.find(b"\r\n\r\n")
        while head_end >= 0:
            head, begin = received[:head_end], head_end + 4
            length = _LENGTH.search(head)
            end = begin + (int(length[1]) if length else 0)
            if len(received) < end:
                break
            self._serve(head.split(b" ", 2)[1], received[begin:end])
            received = received[end:]
            head_end = received.find(b"\r\n\r\n")
        self._received = received

    def _serve(self, path: bytes, body: bytes) -> None:
        sink = self._sink
        batched = path.endswith(b"/applyBatch")
        if batched or b"/apply" in path:
            delay = sink.begin(body, batched=batched)
            if delay:
                self._loop.call_later(delay, self._apply)
            else:
                self._apply()
        elif path.endswith(b"/oauth2/token"):
            self._write(_TOKEN)
        elif path == b"/bench/reset":
            sink.reset(json.loads(body))
            self._write(_APPLIED)
        elif path == b"/bench/seen":
            self._write(_answer(b"200 OK", json.dumps(sink.seen()).encode()))
        else:
            self._write(_answer(b"404 Not Found", b"{}"))

    def _apply(self) -> None:
        self._sink.end()
        self._write(_APPLIED)

    def _write(self, answer: bytes) -> None:
        # A contender that was stopped does not wait for its answer.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def main() -> None:
    """Serve on a free port of the loopback, named on one line, until SIGTERM."""
    sink = Sink()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(sink), "127.0.0.1")
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
