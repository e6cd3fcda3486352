"""Only the holder of the token may use the verbs. It is read again each time, so that it can be rotated."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from consumer.admin.problems import Problem
from consumer.settings import Secret

MOST_FAILURES: Final = 10
WINDOW: Final = 60.0
"""Seconds in which an address may fail so often. Then it has to wait until they are over, right token or not."""
_MOST_ADDRESSES: Final = 1000
_CHALLENGE: Final[Mapping[str, str]] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="foundry-consumer"'}


class Failures:
    """How often each address came without the right token. Bounded by dropping the oldest address."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[float, int]] = {}

    def wait(self, address: str, now: float) -> float:
        """Seconds until the address may try again; 0: now."""
        began, count = self._since.get(address, (now, 0))
        return max(0.0, began + WINDOW - now) if count >= MOST_FAILURES else 0.0

    def add(self, address: str, now: float) -> None:
        began, count = self._since.pop(address, (now, 0))
        self._since[address] = (began, count + 1) if now - began < WINDOW else (now, 1)
        if len(self._since) > _MOST_ADDRESSES:
            del self._since[next(iter(self._since))]


class Doorkeeper:
    """Lets in whoever has the token from the settings."""

    def __init__(self, token: Secret | None, now: Callable[[], float]) -> None:
        self._token = token
        self._now = now
        self._failures = Failures()

    def admit(self, request: web.Request) -> None:
        """Return if the request has the right token.

        Raises:
            Problem: 403 if the settings have no token, 401 if the request does not have the right one, 429
                after too many of those, 503 while the token's file cannot be read.
        """
        if self._token is None:
            raise Problem(
                HTTPStatus.FORBIDDEN, "verbs are off: set admin.token_file or admin.token"
            )
        given, address, now = _given(request), request.remote or "", self._now()
        if not given:
            # Counted apart: a web page in an operator's browser can send requests from the operator's address,
            # but without a token, and these must not use up the attempts of those with one.
            address += " without a token"
        wait = self._failures.wait(address, now)
        if wait:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too many requests without the right token",
                headers={hdrs.RETRY_AFTER: str(int(wait) + 1)},
            )
        if not hmac.compare_digest(given, self._expected(self._token)):
            self._failures.add(address, now)
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "the request has no token, or a wrong one",
                headers=_CHALLENGE,
            )

    def _expected(self, token: Secret) -> bytes:
        try:
            return token.read().encode()
        except (OSError, ValueError) as failure:
            # A ValueError's text is our own, an OSError names the file: neither quotes the token.
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{token.name} cannot be read: {failure}"
            ) from None


def _given(request: web.Request) -> bytes:
    """The token of the only Authorization header; empty, which no token is, if there is no such thing."""
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
    return token.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else b""
