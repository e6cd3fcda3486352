"""Each way in which the token endpoint fails, and what it tells a person to do."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from consumer.foundry.opening import open_foundry
from consumer.foundry.tokens import Token
from consumer.outcomes import Outage
from tests.foundry.server import Answering, config, replies, running, text

FAILURES: list[tuple[Answering, str, str]] = [
    (replies((401, {"error": "invalid_client", "error_description": "x"})), "invalid_client", "client_secret"),
    (replies((400, {"error": "invalid_scope"})), "invalid_scope", "grant the scopes"),
    (replies((400, {"error": "unauthorized_client"})), "unauthorized_client", "enable the client credentials"),
    (replies((400, {"error": "unsupported_grant_type"})), "unsupported_grant_type", "foundry.hostname"),
    (replies((400, {"error": "invalid_request"})), "invalid_request", "client_auth"),
    (replies((400, {"error": "access_denied"})), "access_denied", "application enabled"),
    (replies((401, {"errorCode": "UNAUTHORIZED", "errorName": "Default:Unauthorized"})), "http_401", "client_secret"),
    (replies((403, {"errorCode": "PERMISSION_DENIED", "errorName": "X"})), "http_403", "enabled"),
    (text(401, ""), "http_401", "client_secret"),
    (text(401, "<html>"), "http_401", "client_secret"),
    (text(404, ""), "http_404", "no token endpoint"),
    (text(404, "<html>"), "http_404", "no token endpoint"),
    (text(403, "<html>"), "http_403", "something in front of Foundry"),
    (text(200, "<html>log in"), "no_token", "something in front of Foundry"),
    (text(302, "", Location="/login"), "http_302", "redirect"),
    (replies((500, {"errorCode": "INTERNAL", "errorName": "Default:Internal"})), "http_500", "keeps trying"),
    (text(502, "<html>"), "http_502", "keeps trying"),
    (replies((429, {})), "http_429", "keeps trying"),
    (replies((200, {"access_token": "", "expires_in": 3600})), "no_token", ""),
    (replies((200, {"access_token": "a\nb", "expires_in": 3600})), "no_token", ""),
    (replies((200, {"access_token": "a", "token_type": "mac"})), "no_token", ""),
    (replies((200, ["access_token"])), "no_token", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "cause", "remedy"),
    FAILURES,
    ids=[f"{row[1]}-{index}" for index, row in enumerate(FAILURES)],
)
async def test_each_failure_is_an_outage_with_its_remedy(
    answer: Answering, cause: str, remedy: str
) -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.token_answer = answer

        outage = await foundry.tokens.get()

        assert isinstance(outage, Outage)
        assert outage.gate == "token"
        assert outage.everywhere
        assert outage.answer.cause == cause
        assert remedy in (outage.remedy or "")
        assert foundry.tokens.failed == 1


@pytest.mark.parametrize(
    ("before", "kind"),
    [("", {}), ("", {"token_type": None}), ("", {"token_type": "BEARER"}), ("\ufeff", {})],
)
async def test_a_token_is_taken_though_its_answer_is_unusual(
    before: str, kind: dict[str, object]
) -> None:
    """A token type that is not said, as null too, is the only one that there is."""
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.token_answer = text(200, before + json.dumps({"access_token": "t"} | kind))

        token = await foundry.tokens.get()

        assert isinstance(token, Token)
        assert token.authorization == "Bearer t"


@pytest.mark.parametrize("life", [None, "3600", True, "soon", float("inf"), {}])
async def test_a_life_that_is_not_said_well_still_gives_a_token(life: object) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        body = json.dumps(
            {"access_token": "t", "token_type": "bearer", "expires_in": life, "scope": "a b"}
        )
        return web.Response(text=body, content_type="application/json")

    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.token_answer = answer

        token = await foundry.tokens.get()

        assert isinstance(token, Token)
        assert token.scopes == ("a", "b")
