"""Judges the token endpoint's answers (RFC 6749): a grant, or an outage that says what a person has to do. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from consumer.foundry.answers import Reply, read_error, read_object, retry_after
from consumer.outcomes import Answer, Outage
from consumer.settings import Secret

_TOKEN = re.compile(r"[!-~]{1,16384}")
"""Printable ASCII, which is what a header may contain."""
_OAUTH_ERROR = re.compile(r"[a-z_]{1,60}")
_LIFE_UNSAID = 300.0
"""Seconds for which a token is used if the answer does not say how long it lives."""

REMEDIES: Mapping[str, str] = {
    "invalid_client": (
        "check foundry.client_id and foundry.client_secret; if the secret was lost or rotated, regenerate it"
        " in Developer Console and replace the stored one"
    ),
    "invalid_scope": (
        "grant the scopes in foundry.scopes to the application in Developer Console, or remove them"
    ),
    "unauthorized_client": (
        "enable the client credentials grant of the application in Developer Console (type: backend service)"
    ),
    "unsupported_grant_type": "this host does not offer the client credentials grant: check foundry.hostname",
    "invalid_request": "Foundry does not understand the token request: try the other value of foundry.client_auth",
    "access_denied": "have the application enabled in the service user's organization",
}
_DISABLED = REMEDIES["access_denied"]
_WRONG_HOST = "no token endpoint there: check foundry.hostname and its path"
_BETWEEN = "something in front of Foundry answers (proxy, firewall, login page): check foundry.hostname and what is in between"
_LASTING = "the service keeps trying; if this lasts, ask Foundry's administrator"


@dataclass(frozen=True, slots=True)
class Grant:
    """What the endpoint granted."""

    access_token: str = field(repr=False)
    expires_in: float
    """Seconds."""
    scopes: tuple[str, ...] | None


def judge_token_answer(reply: Reply, now: float) -> Grant | Outage:
    """A grant or an outage; `now`: seconds since the epoch. Apart from the token only names in the body are kept."""
    if reply.succeeded:
        found = read_object(reply.body)
        grant = _grant(found) if found is not None else None
        return grant or _outage(reply, now, "no_token", _BETWEEN)
    name = _error_name(reply)
    if name is not None and name in REMEDIES:
        return _outage(reply, now, name, REMEDIES[name], name)
    return _outage(reply, now, f"http_{reply.status}", _by_status(reply, name), name)


def secret_unreadable(secret: Secret, failure: Exception) -> Outage:
    """The outage while the secret's file cannot be read."""
    where = "" if secret.path is None else f" {str(secret.path.absolute())!r}"
    return Outage(
        Answer("secret", f"{secret.name}{where} cannot be read: {type(failure).__name__}"),
        "token",
        everywhere=True,
        remedy="put the client secret there, readable by this process",
    )


def _grant(found: Mapping[str, Any]) -> Grant | None:
    token = found.get("access_token")
    kind = found.get("token_type") or "bearer"
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    if str(kind).lower() != "bearer":
        return None
    scope = found.get("scope")
    scopes = tuple(scope.split()) if isinstance(scope, str) else None
    return Grant(token, _seconds(found.get("expires_in")), scopes)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _LIFE_UNSAID
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return _LIFE_UNSAID
    return seconds if math.isfinite(seconds) else _LIFE_UNSAID


def _error_name(reply: Reply) -> str | None:
    """The `error` of RFC 6749, 5.2, or the name of an error in Foundry's own shape."""
    found = read_object(reply.body)
    error = found.get("error") if found is not None else None
    if isinstance(error, str) and _OAUTH_ERROR.fullmatch(error):
        return error
    shaped = read_error(reply)
    return shaped.name or shaped.code if shaped is not None else None


def _by_status(reply: Reply, name: str | None) -> str:
    if reply.status < 400:  # noqa: PLR2004 - HTTP's own classes
        return "foundry.hostname answers with a redirect: set it to the final host"
    if reply.status == 429 or reply.servers_fault:  # noqa: PLR2004 - throttled
        return _LASTING
    if name is None:
        return _UNNAMED.get(reply.status, _BETWEEN)
    return _BY_STATUS.get(reply.status, _LASTING)


_UNNAMED: Mapping[int, str] = {
    401: f"{REMEDIES['invalid_client']}; or something other than Foundry answers: check foundry.hostname and what is in between",
    404: _WRONG_HOST,
}
_BY_STATUS: Mapping[int, str] = {
    401: REMEDIES["invalid_client"],
    403: _DISABLED,
    404: _WRONG_HOST,
    400: REMEDIES["invalid_request"],
}


def _outage(
    reply: Reply, now: float, cause: str, remedy: str | None, name: str | None = None
) -> Outage:
    shaped = read_error(reply)
    answer = Answer(
        cause,
        f"the token endpoint answers HTTP {reply.status}{f' ({name})' if name else ''}",
        reply.status,
        shaped.code if shaped else None,
        name,
        shaped.instance_id if shaped else None,
        retry_after(reply, now),
    )
    return Outage(answer, "token", everywhere=True, remedy=remedy)
