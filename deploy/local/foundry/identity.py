"""Who may ask: confidential clients, their secrets and scopes, and the tokens that they hold."""

from __future__ import annotations

import hmac
import secrets
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from deploy.local.foundry.wire import Refusal

READ, WRITE, ADMIN_READ = "api:ontologies-read", "api:ontologies-write", "api:admin-read"
ALIASES = {"api:use-ontologies-read": READ, "api:use-ontologies-write": WRITE}
DEFAULT_SCOPES = (READ, WRITE)
ALL_SCOPES = frozenset((*DEFAULT_SCOPES, ADMIN_READ))
IGNORED_SCOPES = frozenset({"offline_access"})


class OAuthError(Exception):
    """An error of the token endpoint, as RFC 6749 has it."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description


@dataclass(slots=True)
class Client:
    """A confidential application with its service user. Several secrets are valid while one is rotated."""

    id: str
    secrets: set[str]
    scopes: frozenset[str] = frozenset(DEFAULT_SCOPES)
    """What the application allows."""
    grant_enabled: bool = True
    """False: the client credentials grant is not enabled for it."""
    restricted: bool = True
    """False: an unrestricted application, which gets no permissions unless it asks for scopes."""
    user: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True)
class Token:
    """What was granted; the clock is the server's own."""

    client: Client
    scopes: frozenset[str]
    asked: str
    expires_at: float
    revoked: bool = False


class Identity:
    """Clients and tokens, changeable at any time."""

    def __init__(
        self,
        clients: Iterable[Client],
        *,
        expires_in: float = 3600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clients = {client.id: client for client in clients}
        self.expires_in = expires_in
        self.issued = 0
        self._clock = clock
        self._tokens: dict[str, Token] = {}

    def authenticate(self, client_id: str, secret: str) -> Client:
        """Raises OAuthError unless the client and its secret are known."""
        client = self.clients.get(client_id)
        known = () if client is None else tuple(client.secrets)
        matches = [hmac.compare_digest(secret.encode(), each.encode()) for each in known]
        if client is None or not any(matches):
            raise OAuthError(401, "invalid_client", "Client authentication failed")
        return client

    def grant(self, client: Client, scope: str | None) -> tuple[str, Token]:
        """A new opaque token.

        Raises:
            OAuthError: the grant is not enabled, or a scope is not allowed.
        """
        if not client.grant_enabled:
            raise OAuthError(400, "unauthorized_client", "The grant is not enabled")
        asked = [part for part in (scope or "").split() if part not in IGNORED_SCOPES]
        if not client.scopes.issuperset(ALIASES.get(part, part) for part in asked):
            raise OAuthError(400, "invalid_scope", "A scope is not allowed for this client")
        everything = client.scopes if client.restricted else frozenset[str]()
        granted = asked or sorted(everything)
        token = Token(
            client,
            frozenset(ALIASES.get(part, part) for part in granted),
            " ".join(granted),
            self._clock() + self.expires_in,
        )
        text = secrets.token_urlsafe(32)
        self._tokens[text] = token
        self.issued += 1
        return text, token

    def token(self, authorization: str | None) -> Token:
        """The token of an `Authorization` header.

        Raises:
            Refusal: there is none, or it is unknown, expired or revoked.
        """
        if authorization is None:
            raise unauthorized("MISSING")
        scheme, _, text = authorization.partition(" ")
        token = self._tokens.get(text) if scheme.lower() == "bearer" else None
        if token is None:
            raise unauthorized("INVALID")
        if token.revoked:
            raise unauthorized("REVOKED")
        if self._clock() >= token.expires_at:
            raise unauthorized("EXPIRED")
        return token

    def seconds_left(self, token: Token) -> int:
        return max(0, int(token.expires_at - self._clock()))

    def revoke(self, text: str, client: Client) -> None:
        """RFC 7009: revoking what is unknown is no error."""
        token = self._tokens.get(text)
        if token is not None and token.client is client:
            token.revoked = True

    def revoke_all(self) -> int:
        """How many tokens were valid until now."""
        return self._end_all(lambda token: setattr(token, "revoked", True))

    def expire_all(self) -> int:
        """How many tokens were valid until now."""
        now = self._clock()
        return self._end_all(lambda token: setattr(token, "expires_at", now))

    def _end_all(self, end: Callable[[Token], None]) -> int:
        now = self._clock()
        valid = [t for t in self._tokens.values() if not t.revoked and now < t.expires_at]
        for token in valid:
            end(token)
        return len(valid)


def unauthorized(why: str) -> Refusal:
    return Refusal("UNAUTHORIZED", "Default:Unauthorized", {"error": why})


def require_scopes(token: Token, *scopes: str) -> None:
    """Raises Refusal that names the first missing scope."""
    for scope in scopes:
        if scope not in token.scopes:
            raise Refusal("PERMISSION_DENIED", "ApiUsageDenied", {"missingScope": scope})
