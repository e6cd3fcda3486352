"""Requests that nobody should send: none of them does anything, and each is answered in order."""

from __future__ import annotations

import asyncio

import pytest

from consumer.admin.connections import MOST_CONNECTIONS
from tests.admin.asking import STUCK_AT, TOKEN, Port, given, listening
from tests.telemetry.values import logged

AUTHORISED = f"Authorization: Bearer {TOKEN}"
PATHS = [
    "/partitions/../pause",
    "/partitions/..%2Ftickets/3/skip?offset=41",
    "/partitions/%2e%2e/3/skip?offset=41",
    "/partitions/tickets%0d%0aX-Evil:%201/3/skip?offset=41",
    "/partitions/tickets%00/3/skip?offset=41",
    "/partitions/tick%20ets/3/skip?offset=41",
    "/partitions//3/skip?offset=41",
    f"/partitions/{'t' * 250}/3/skip?offset=41",
    "/partitions/tickets/-3/skip?offset=41",
    "/partitions/tickets/+3/skip?offset=41",
    "/partitions/tickets/3.0/skip?offset=41",
    "/partitions/tickets/%D9%A3/skip?offset=41",
    "/partitions/tickets/99999999999/skip?offset=41",
    "/partitions/tickets/3/skip/?offset=41",
    "/partitions/tickets/3",
    "/letters/redrive",
    "//pause",
    "/pause/",
    "/PAUSE",
    "/",
]
OFFSETS = [
    "",
    "?offset=",
    "?offset=-1",
    "?offset=%2B41",
    "?offset=41.0",
    "?offset=1e3",
    "?offset=0x29",
    "?offset=%D9%A4%D9%A1",
    "?offset=41%0d%0a",
    "?offset=41;drop",
    "?offset=41&offset=41",
    "?Offset=41",
    "?offset=9223372036854775808",
    f"?offset={'9' * 5000}",
]


async def refused(port: Port, line: str) -> tuple[int, str]:
    answer = await port.raw(f"POST {line} HTTP/1.1", "Host: 127.0.0.1", AUTHORISED)
    return answer.status, answer.headers["Content-Type"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_that_is_not_one_of_ours_is_not_there(path: str) -> None:
    async with listening(given()) as port:
        assert await refused(port, path) == (404, "application/problem+json; charset=utf-8")
        assert port.operator.told == []


@pytest.mark.parametrize("query", OFFSETS)
async def test_an_offset_that_is_none_is_refused(query: str) -> None:
    async with listening(given()) as port:
        status, content_type = await refused(port, f"/partitions/tickets/3/skip{query}")

        assert status == 400
        assert content_type == "application/problem+json; charset=utf-8"
        assert port.operator.told == []


async def test_the_highest_offset_and_partition_are_only_not_there() -> None:
    async with listening(given()) as port:
        highest = f"/partitions/tickets/3/skip?offset={2**63 - 1}"
        assert (await port.ask("POST", highest, token=TOKEN)).status == 409
        far = f"/partitions/tickets/{2**31 - 1}/skip?offset=41"
        assert (await port.ask("POST", far, token=TOKEN)).status == 404


OURS = [
    "127.0.0.1",
    "127.0.0.1:8080",
    "10.1.2.3:80",
    "[::1]:8080",
    "localhost",
    "LOCALHOST:1",
    "consumer.svc.",
]
OTHERS = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.1.evil",
]
MALFORMED = [
    "",
    "a b",
    "user@127.0.0.1",
    "127.0.0.1:x",
    "[::1",
    "127.0.0.1/../",
    "127.0.0.1, evil.example",
]


@pytest.mark.parametrize("path", ["/status", "/livez", "/pause"])
@pytest.mark.parametrize(
    ("host", "passes"),
    [*((h, True) for h in OURS), *((h, False) for h in (*OTHERS, *MALFORMED))],
)
async def test_a_name_that_is_not_ours_is_not_answered(
    path: str, host: str, *, passes: bool
) -> None:
    """A page elsewhere whose name is made to resolve to us reads nothing, and moves nothing."""
    async with listening(given(), hosts=["Consumer.svc"]) as port:
        method = "POST" if path == "/pause" else "GET"
        answer = await port.raw(f"{method} {path} HTTP/1.1", f"Host: {host}", AUTHORISED)

        assert (answer.status == 200) is passes, answer
        assert answer.status in ((200,) if passes else (400, 421))
        assert bool(port.operator.told) is (passes and path == "/pause")


async def test_no_host_and_two_hosts_are_no_request() -> None:
    async with listening(given()) as port:
        none = await port.raw("GET /status HTTP/1.1")
        two = await port.raw("GET /status HTTP/1.1", "Host: 127.0.0.1", "Host: evil.example")

    assert (none.status, two.status) == (400, 400)


async def test_the_host_that_is_listened_on_is_ours() -> None:
    async with listening(host="localhost") as port:
        assert (await port.raw("GET /livez HTTP/1.1", "Host: localhost")).status == 200


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_above_the_cap_is_refused_before_anything_is_done(*, chunked: bool) -> None:
    async def pieces() -> object:
        for _ in range(100):
            yield b"x" * 1024

    async with listening(given()) as port:
        data = pieces() if chunked else b"x" * 102_400
        answer = await port.ask("POST", "/pause", token=TOKEN, data=data)

        assert answer.status == 413
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert port.operator.told == []


async def test_a_small_body_is_not_looked_at() -> None:
    async with listening(given()) as port:
        answer = await port.ask("POST", "/pause", token=TOKEN, data=b'{"x":')

    assert answer.status == 200


@pytest.mark.parametrize(
    "lines",
    [
        ("GET /status",),
        ("nonsense",),
        ("GET /status HTTP/9.9", "Host: 127.0.0.1"),
        ("POST /pause HTTP/1.1", "Host: 127.0.0.1", "Content-Length: -1"),
        (
            "POST /pause HTTP/1.1",
            "Host: 127.0.0.1",
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
        ),
        ("GET /status HTTP/1.1", "Host: 127.0.0.1", f"X: {'x' * 20_000}"),
        (f"GET /{'x' * 20_000} HTTP/1.1", "Host: 127.0.0.1"),
    ],
)
async def test_what_is_no_request_does_nothing_and_leaves_the_port_well(
    lines: tuple[str, ...],
) -> None:
    async with listening(given()) as port:
        with logged() as said:
            answer = await port.raw(*lines, f"Authorization: Bearer {TOKEN}")
            after = await port.ask("GET", "/livez")

        assert 400 <= answer.status < 500
        assert port.operator.told == []
    assert after.status == 200
    # Not even a line: a stranger could have the log written full with them.
    assert said.text == ""


async def test_those_that_hang_on_give_way_to_those_that_ask() -> None:
    """A liveness probe that gets no answer restarts the pod; a socket that is left over is Kafka's."""
    async with listening() as port:
        hanging = []
        for _ in range(3 * MOST_CONNECTIONS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port.number)
            writer.write(b"GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            hanging.append((reader, writer))
            answer = await port.ask("GET", "/livez") if len(hanging) % 20 == 0 else None
            assert answer is None or answer.status == 200
        await asyncio.sleep(0.1)
        left = [
            writer for reader, writer in hanging if not reader.at_eof() and not reader.exception()
        ]
        for _, writer in hanging:
            writer.close()

    assert len(left) <= MOST_CONNECTIONS
    assert hanging[-1][1] in left


async def test_an_answer_does_not_repeat_what_was_sent() -> None:
    async with listening(given()) as port:
        path = f"/partitions/<script>/{STUCK_AT}/skip?offset=<script>"
        answer = await port.ask("POST", path, token=TOKEN)

    assert b"script" not in answer.body
