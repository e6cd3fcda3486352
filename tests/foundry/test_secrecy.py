"""Canaries: secrets and values of events turn up in no log, no repr, no exception."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
from typing import Any

import pytest
from aiohttp import web

from consumer.foundry.opening import Foundry, open_foundry
from consumer.model import Lookup
from consumer.settings import Secret
from tests.foundry.server import (
    MANY,
    SECRET,
    TOKEN,
    Answering,
    after_token,
    config,
    raw,
    replies,
    request,
    running,
    text,
)

VALUE = "Kanarie7-value"
CANARIES = ("Kanarie7", base64.b64encode(b"Kanarie7-").decode())
"""As text, and as the beginning of it in base64."""
ECHO = {
    "errorCode": "INVALID_ARGUMENT",
    "errorName": "InvalidParameterValue",
    "errorInstanceId": VALUE + "!",
    "message": VALUE,
    "errorDescription": f"{TOKEN} {SECRET}",
    "parameters": {"parameterValue": VALUE, "parameterId": "title", "message": VALUE},
    "error": VALUE,
    "error_description": SECRET,
}


async def mirror(incoming: web.Request) -> web.StreamResponse:
    """A proxy's error page that shows all that it was sent."""
    return web.Response(
        status=502,
        text=f"{dict(incoming.headers)} {await incoming.text()}",
        headers={"X-Sent": incoming.headers.get("Authorization", "")},
    )


ANSWERS: list[Answering] = [
    mirror,
    *(replies((status, ECHO)) for status in (200, 302, 400, 401, 403, 404, 409, 429, 500, 503)),
    text(200, f"<html>{VALUE}"),
    text(401, f"{TOKEN} {SECRET}"),
    text(307, "", Location=f"/login?token={TOKEN}"),
]


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    for name in ("aiohttp", "aiohttp.client", "asyncio", "consumer"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


async def exercise(foundry: Foundry) -> list[Any]:
    parameters = [b'{"title":"%b"}' % VALUE.encode()]
    results: list[Any] = [
        await foundry.actions.send(request(MANY, parameters)),
        await foundry.actions.send(request(parameters=parameters)),
        await foundry.actions.send(request(parameters=parameters, validate_only=True)),
        await foundry.actions.look_up(Lookup("Ticket", bool, key=VALUE)),
        await foundry.actions.look_up(Lookup("Ticket", bool, where={"title": VALUE})),
        await foundry.ontology.get_action_type("create-ticket"),
        await foundry.tokens.get(),
    ]
    return [*results, foundry, foundry.tokens, foundry.actions, foundry.ontology]


def assert_no_canary(found: object, logs: pytest.LogCaptureFixture) -> None:
    gc.collect()
    shown = repr(found) + str(found)
    # The access log is that of the server in this test.
    for record in logs.records:
        if record.name != "aiohttp.access":
            shown += record.getMessage() + repr(record.__dict__) + (record.exc_text or "")
    assert not [canary for canary in CANARIES if canary in shown]


@pytest.mark.parametrize("auth", ["post", "basic"])
@pytest.mark.parametrize("answer", ANSWERS, ids=[str(index) for index in range(len(ANSWERS))])
@pytest.mark.parametrize("where", ["actions", "token"])
async def test_no_answer_brings_a_canary_out(
    everything_logged: pytest.LogCaptureFixture, answer: Answering, auth: str, where: str
) -> None:
    asyncio.get_running_loop().set_debug(enabled=True)
    async with running() as stack:
        if where == "token":
            stack.token_answer = answer
        else:
            stack.answer = answer
        async with open_foundry(
            config(stack.url, client_auth=auth, client_id="Kanarie7-id")
        ) as foundry:
            results = await exercise(foundry)

    # Found properties are what a lookup is for: they go to the owners' code alone.
    shown = [result for result in results if type(result).__name__ != "Found"]
    assert_no_canary(shown, everything_logged)


@pytest.mark.parametrize("auth", ["post", "basic"])
async def test_no_broken_connection_brings_a_canary_out(
    everything_logged: pytest.LogCaptureFixture, auth: str
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{VALUE} {TOKEN}\r\n\r\n".encode())
        writer.close()

    for behaviour in (hang_up, garbage):
        for connected in (behaviour, after_token(behaviour)):
            async with raw(connected) as port:
                settings = config(f"http://127.0.0.1:{port}", client_auth=auth)
                async with open_foundry(settings) as foundry:
                    assert_no_canary(await exercise(foundry), everything_logged)


async def test_a_token_that_cannot_stand_in_a_header_is_not_shown(
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    async with running() as stack:
        stack.token_answer = replies((200, {"access_token": f"{TOKEN}\r\nX: 1", "expires_in": 60}))
        async with open_foundry(config(stack.url)) as foundry:
            assert_no_canary(await exercise(foundry), everything_logged)


def test_configuration_and_secrets_show_none_of_it() -> None:
    settings = config(
        "acme.example",
        client_secret=Secret("foundry.client_secret", text=SECRET),
        proxy="http://u:Kanarie7@h:1",
    )

    assert "Kanarie7" not in f"{settings!r} {settings} {settings.client_secret!r}"
