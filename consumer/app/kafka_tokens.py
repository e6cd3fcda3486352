"""Bearer tokens for SASL OAUTHBEARER (client credentials grant), fetched when a connection is made."""

from __future__ import annotations

import asyncio
import json
import math
import ssl
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from consumer.errors import SettingsError, Unavailable
from consumer.settings import Secret

_TIMEOUT: Final = 10.0
_MOST_BYTES: Final = 1_048_576
_LIFE_UNSAID: Final = 60.0
_LONGEST_LIFE: Final = 24 * 3600.0
_REFUSED_AFTER: Final = 10.0
"""Seconds for which even a refused token is kept: connections are retried many times a second."""
_USED_UP: Final = 0.8
"""The share of a token's life after which a new one is fetched."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: a POST would become a GET, and the credentials could go elsewhere."""

    def redirect_request(self, *_: object) -> None:
        return None


class KafkaTokens:
    """The current token, kept until most of its life is over or a broker refuses it.

    The secret is read once, at the start. Tokens are fetched with the standard library, in a thread: they are needed
    once in many minutes, and have nothing to do with Foundry's session.

    Raises:
        SettingsError: `ca_file` holds no certificates.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        secret: Secret,
        scope: str | None,
        *,
        ca_file: Path | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret.read(),
        }
        if scope:
            form["scope"] = scope
        self._url = url
        self._remember = secret.remember
        self._body = urlencode(form).encode()
        self._opener = urllib.request.build_opener(
            _NoRedirects,
            # No proxy from the environment: only the settings count.
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=_context(ca_file)),
        )
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._token = ""
        self._asked_at = self._until = -math.inf

    async def fetch(self, refused: str = "") -> str:
        """A token that is good for a while, and not the one that a broker has refused.

        Raises:
            Unavailable: there is none; the cause contains no secret.
        """
        async with self._one_at_a_time:
            if refused and refused == self._token:
                self._until = min(self._until, self._asked_at + _REFUSED_AFTER)
            if self._now() >= self._until:
                asked_at = self._now()
                self._token, life = await asyncio.to_thread(self._ask)
                self._remember(self._token)
                self._asked_at, self._until = asked_at, asked_at + life * _USED_UP
            return self._token

    def _ask(self) -> tuple[str, float]:
        request = urllib.request.Request(self._url, self._body)  # noqa: S310 - checked by the settings
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                body = answer.read(_MOST_BYTES)
        except HTTPError as error:
            with error:
                raise Unavailable(f"{self._url} answers HTTP {error.code}") from None
        except (URLError, OSError, HTTPException) as error:
            raise Unavailable(f"{self._url} cannot be asked: {_why(error)}") from None
        return _read(body, self._url)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities and Kafka's: whoever signs the brokers seldom signs the token endpoint.

    Raises:
        SettingsError: the file has no certificates.
    """
    context = ssl.create_default_context()
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(ca_file)
    except OSError as error:
        raise SettingsError(f"kafka.ssl_cafile {str(ca_file)!r} cannot be used: {error}") from None
    return context


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(reason) if isinstance(reason, OSError) else type(error).__name__


def _read(body: bytes, url: str) -> tuple[str, float]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    token = found.get("access_token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise Unavailable(f"{url} answers without a token: is it the token endpoint?")
    life = found.get("expires_in")
    known = isinstance(life, int | float) and not isinstance(life, bool) and life > 0
    return token, min(float(life), _LONGEST_LIFE) if known else _LIFE_UNSAID
