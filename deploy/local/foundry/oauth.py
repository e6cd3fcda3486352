"""Multipass: the token endpoint of the client credentials grant, and what a token says of itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from deploy.local.foundry.identity import Client, Identity, OAuthError, Token
from deploy.local.foundry.wire import Reply, encode, ok

FORM = "application/x-www-form-urlencoded"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def issue(identity: Identity, headers: Mapping[str, str], body: bytes) -> Reply:
    """A token for the client credentials grant.

    Raises:
        OAuthError: as RFC 6749 names it.
    """
    form = _form(headers, body)
    client = _client(identity, headers, form)
    grant_type = form.get("grant_type")
    if grant_type is None:
        raise OAuthError(400, "invalid_request", "grant_type is missing")
    if grant_type != "client_credentials":
        raise OAuthError(400, "unsupported_grant_type", "Only client_credentials is supported")
    text, token = identity.grant(client, form.get("scope"))
    answer = {
        "access_token": text,
        "token_type": "bearer",
        "expires_in": int(identity.expires_in),
        "scope": token.asked,
    }
    return Reply(200, encode(answer), headers=NO_STORE)


def revoke(identity: Identity, headers: Mapping[str, str], body: bytes) -> Reply:
    """Raises OAuthError for a client that is not known, or where no token is named."""
    form = _form(headers, body)
    client = _client(identity, headers, form)
    if "token" not in form:
        raise OAuthError(400, "invalid_request", "token is missing")
    identity.revoke(form["token"], client)
    return Reply(200, b"")


def refuse(error: OAuthError) -> Reply:
    challenge = {"WWW-Authenticate": "Basic"} if error.status == 401 else {}  # noqa: PLR2004 - HTTP's own status
    body = encode({"error": error.error, "error_description": error.description})
    return Reply(error.status, body, headers={**NO_STORE, **challenge})


def me(token: Token) -> Reply:
    return ok({"id": token.client.user, "username": token.client.id, "attributes": {}})


def scope(token: Token) -> Reply:
    operations = sorted(token.scopes)
    return ok({"type": "union", "union": [{"type": "operations", "operations": operations}]})


def time_to_live(identity: Identity, token: Token) -> Reply:
    return ok(identity.seconds_left(token))


def current_user(token: Token) -> Reply:
    """A service user's organisation is left out: it has none."""
    return ok(
        {
            "id": token.client.user,
            "username": token.client.id,
            "realm": "multipass-service-user-realm",
            "status": "ACTIVE",
            "attributes": {},
        }
    )


def _form(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        raise OAuthError(400, "invalid_request", f"The body is not {FORM}")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body))
    except ValueError as fault:
        raise OAuthError(400, "invalid_request", "The form cannot be read") from fault
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError(400, "invalid_request", "A field is given twice")
    return form


def _client(identity: Identity, headers: Mapping[str, str], form: Mapping[str, str]) -> Client:
    """By HTTP Basic, with or without form encoding inside, or by the form; not by both."""
    authorization = headers.get("Authorization")
    if authorization is None:
        if "client_secret" not in form:
            raise OAuthError(401, "invalid_client", "Client authentication is missing")
        return identity.authenticate(form.get("client_id", ""), form["client_secret"])
    if "client_secret" in form:
        raise OAuthError(400, "invalid_request", "Two ways of client authentication")
    scheme, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    if scheme.lower() != "basic" or ":" not in text:
        raise OAuthError(401, "invalid_client", "Client authentication failed")
    client_id, _, secret = text.partition(":")
    try:
        return identity.authenticate(client_id, secret)
    except OAuthError:
        return identity.authenticate(unquote_plus(client_id), unquote_plus(secret))
