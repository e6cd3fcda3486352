from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest

from deploy.local.foundry import Client, serve
from deploy.local.foundry.identity import Identity
from tests.emulator.caller import READ_WRITE, Answered, Caller, calling

ENDPOINT = "/multipass/api/oauth2/token"
FORM = {
    "grant_type": "client_credentials",
    "client_id": "consumer",
    "client_secret": "consumer-secret",
    "scope": READ_WRITE,
}


async def ask(caller: Caller, headers: dict[str, str] | None = None, **fields: Any) -> Answered:
    form = {name: value for name, value in {**FORM, **fields}.items() if value is not None}
    return await caller.call("POST", ENDPOINT, data=form, headers=headers)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


async def test_a_token_is_bearer_and_says_its_lifetime_and_scope(caller: Caller) -> None:
    answered = await ask(caller)

    assert answered.status == 200
    del answered.json["access_token"]
    assert answered.json == {"token_type": "bearer", "expires_in": 3600, "scope": READ_WRITE}
    assert answered.headers["Cache-Control"] == "no-store"


async def test_tokens_are_opaque_and_never_the_same(caller: Caller) -> None:
    tokens = {(await ask(caller)).json["access_token"] for _ in range(3)}

    assert len(tokens) == 3
    assert not any("." in token for token in tokens)


@pytest.mark.parametrize("secret", ["plain", "with/odd+=&:% characters"])
@pytest.mark.parametrize("encoded", [str, quote_plus])
async def test_http_basic_works_with_and_without_form_encoding(
    secret: str, encoded: Callable[[str], str]
) -> None:
    """Clients in the field do either: RFC 6749 wants the encoding, many leave it out."""
    async with (
        serve(clients=[Client("c", {secret})]) as foundry,
        calling(foundry, log_in=False) as caller,
    ):
        answered = await ask(
            caller, basic(f"c:{encoded(secret)}"), client_id=None, client_secret=None
        )

        assert answered.status == 200


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"scope": "api:ontologies-read api:everything"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
    ],
)
async def test_the_token_endpoint_refuses_as_rfc_6749_says(
    caller: Caller, fields: dict[str, Any], status: int, error: str
) -> None:
    answered = await ask(caller, **fields)

    assert (answered.status, answered.json["error"]) == (status, error)
    assert answered.json["error_description"]


async def test_a_body_that_is_no_form_is_an_invalid_request(caller: Caller) -> None:
    answered = await caller.call("POST", ENDPOINT, json=FORM)

    assert (answered.status, answered.json["error"]) == (400, "invalid_request")


async def test_two_ways_of_client_authentication_at_once_are_refused(caller: Caller) -> None:
    answered = await ask(caller, basic("consumer:consumer-secret"))

    assert answered.json["error"] == "invalid_request"


async def test_a_client_without_the_grant_is_unauthorized() -> None:
    client = Client("consumer", {"consumer-secret"}, grant_enabled=False)
    async with serve(clients=[client]) as foundry, calling(foundry, log_in=False) as caller:
        answered = await ask(caller)

        assert (answered.status, answered.json["error"]) == (400, "unauthorized_client")


async def test_offline_access_is_let_pass_as_the_official_client_always_asks_for_it(
    caller: Caller,
) -> None:
    answered = await ask(caller, scope=f"{READ_WRITE} offline_access")

    assert answered.json["scope"] == READ_WRITE


async def test_without_a_scope_a_restricted_application_gets_all_that_it_may(
    caller: Caller,
) -> None:
    await caller.log_in(scope=None)

    assert (await caller.get("actionTypes")).status == 200


async def test_without_a_scope_an_unrestricted_application_gets_no_permission() -> None:
    client = Client("consumer", {"consumer-secret"}, restricted=False)
    async with serve(clients=[client]) as foundry, calling(foundry, log_in=False) as caller:
        await caller.log_in(scope=None)

        answered = await caller.get("actionTypes")

        assert answered.error == (403, "PERMISSION_DENIED", "ApiUsageDenied")


async def test_the_newer_scope_names_mean_the_same(caller: Caller) -> None:
    await caller.log_in(scope="api:use-ontologies-read")

    assert (await caller.get("actionTypes")).status == 200


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Basic Yzpz", "nonsense"])
async def test_a_call_without_a_valid_token_is_unauthorized(
    caller: Caller, header: str | None
) -> None:
    caller.token = None
    headers = {} if header is None else {"Authorization": header}

    answered = await caller.call("GET", "/api/v2/ontologies", headers=headers)

    assert answered.error == (401, "UNAUTHORIZED", "Default:Unauthorized")


@pytest.mark.parametrize("verb", ["revoke", "expire"])
async def test_all_tokens_can_be_ended_at_once_and_a_new_one_works(
    caller: Caller, verb: str
) -> None:
    assert (await caller.get("actionTypes")).status == 200

    ended = await caller.control("POST", f"tokens/{verb}")
    refused = await caller.get("actionTypes")
    await caller.log_in()
    again = await caller.get("actionTypes")

    assert list(ended.json.values()) == [1]
    assert refused.error == (401, "UNAUTHORIZED", "Default:Unauthorized")
    assert refused.json["parameters"]["error"] == {"revoke": "REVOKED", "expire": "EXPIRED"}[verb]
    assert again.status == 200


def test_a_token_is_valid_until_its_last_second_and_not_after() -> None:
    now = 100.0
    client = Client("c", {"s"})
    identity = Identity([client], expires_in=60, clock=lambda: now)
    text, _ = identity.grant(client, None)

    now = 159.9
    assert identity.seconds_left(identity.token(f"Bearer {text}")) == 0
    now = 160.0
    with pytest.raises(Exception, match="Default:Unauthorized"):
        identity.token(f"Bearer {text}")


async def test_a_revoked_token_ends_and_others_go_on(caller: Caller) -> None:
    other = (await ask(caller)).json["access_token"]
    form = {"token": other, "client_id": "consumer", "client_secret": "consumer-secret"}

    revoked = await caller.call("POST", "/multipass/api/oauth2/revoke_token", data=form)
    with_other = await caller.call(
        "GET", "/api/v2/ontologies", headers={"Authorization": f"Bearer {other}"}
    )
    with_own = await caller.call("GET", "/api/v2/ontologies")

    assert (revoked.status, with_other.status, with_own.status) == (200, 401, 200)


async def test_revoking_what_is_unknown_is_no_error_but_the_client_must_be_known(
    caller: Caller,
) -> None:
    path = "/multipass/api/oauth2/revoke_token"
    known = {"client_id": "consumer", "client_secret": "consumer-secret"}

    unknown_token = await caller.call("POST", path, data={**known, "token": "nonsense"})
    unknown_client = await caller.call(
        "POST", path, data={**known, "client_secret": "wrong", "token": "nonsense"}
    )

    assert (unknown_token.status, unknown_client.status) == (200, 401)


async def test_secrets_rotate_with_both_valid_in_between(caller: Caller) -> None:
    async def valid() -> list[bool]:
        return [
            (await ask(caller, client_secret=secret)).status == 200
            for secret in ("consumer-secret", "new")
        ]

    before = await valid()
    await caller.control("PUT", "clients/consumer", {"secrets": ["consumer-secret", "new"]})
    between = await valid()
    await caller.control("DELETE", "clients/consumer?secret=consumer-secret")
    after = await valid()

    assert (before, between, after) == ([True, False], [True, True], [False, True])


async def test_a_token_without_a_scope_is_told_which_one_is_missing(caller: Caller) -> None:
    await caller.log_in(scope="api:ontologies-read")

    answered = await caller.apply("create-ticket", {})

    assert answered.error == (403, "PERMISSION_DENIED", "ApiUsageDenied")
    assert answered.json["parameters"] == {"missingScope": "api:ontologies-write"}


async def test_a_token_says_who_it_is_and_how_long_it_lives(caller: Caller) -> None:
    me = await caller.call("GET", "/multipass/api/me")
    scope = await caller.call("GET", "/multipass/api/me/scope")
    ttl = await caller.call("GET", "/multipass/api/token/ttl")

    assert me.json["username"] == "consumer"
    assert scope.json["union"][0]["operations"] == READ_WRITE.split()
    assert 3590 <= ttl.json <= 3600


async def test_the_current_user_needs_a_scope_of_its_own() -> None:
    client = Client(
        "consumer", {"consumer-secret"}, frozenset({*READ_WRITE.split(), "api:admin-read"})
    )
    async with serve(clients=[client]) as foundry, calling(foundry) as caller:
        path = "/api/v2/admin/users/getCurrent"

        refused = await caller.call("GET", path)
        await caller.log_in(scope="api:admin-read")
        answered = await caller.call("GET", path)

        assert refused.json["parameters"] == {"missingScope": "api:admin-read"}
        assert answered.json["username"] == "consumer"
        assert "organization" not in answered.json
