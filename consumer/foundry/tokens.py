"""One token for all requests: fetched once at a time, renewed early, and never shown."""

from __future__ import annotations

import asyncio
import base64
import logging
import random
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import quote_plus

import aiohttp
from aiohttp import hdrs

from consumer.foundry.causes import cause_of
from consumer.foundry.config import Clock, FoundryConfig, endpoint
from consumer.foundry.grants import Grant, judge_token_answer, secret_unreadable
from consumer.foundry.timing import Timing, Told, nobody
from consumer.foundry.transport import NETWORK_ERRORS, read_reply
from consumer.outcomes import Outage

log = logging.getLogger(__name__)

SHORTEST_LIFE = 5.0
"""Seconds. A token that claims to live for less is used for so long; if it really is dead, a 401 says so."""
LONGEST_LIFE = 24 * 3600.0
FETCH_TIMEOUT = 10.0
RENEWAL_PAUSE = 5.0
"""Least seconds between two attempts to renew a token that is still good."""


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """An access token, equal only to itself. Times are those of the `Clock`."""

    authorization: str = field(repr=False)
    """The value of the Authorization header."""
    renew_at: float
    expires_at: float
    scopes: tuple[str, ...] | None
    """What was granted; None: the answer does not say."""


class Tokens:
    """Keeps the current token, and fetches the next one when it is time. Must be closed, as it may be fetching.

    Tokens are renewed on use: the first request after 75 to 80 % of a token's life starts a fetch, and goes on
    with the old token. An idle service fetches nothing.
    """

    def __init__(
        self,
        config: FoundryConfig,
        session: aiohttp.ClientSession,
        *,
        clock: Clock = time.monotonic,
        jitter: Clock = random.random,
        told: Told = nobody,
    ) -> None:
        self._config = config
        self._session = session
        self._clock = clock
        self._jitter = jitter
        self._told = told
        self._url = endpoint(config.hostname, "multipass", "api", "oauth2", "token")
        self._current: Token | None = None
        self._fetch: asyncio.Task[Token | Outage] | None = None
        self._pause_until = float("-inf")
        self._proven: str | None = None
        """The secret that was accepted last, as a fallback while a rotation is under way."""
        self.fetched = 0
        self.failed = 0

    @property
    def expires_at(self) -> float | None:
        """Clock time at which the current token expires; None: there is none."""
        return self._current.expires_at if self._current is not None else None

    def current(self) -> Token | None:
        """The token, if it is good and need not be renewed yet; None: use `get`. The quick way, which never waits."""
        token = self._current
        return token if token is not None and self._clock() < token.renew_at else None

    async def get(self) -> Token | Outage:
        """A good token, or why there is none. Any number of waiting callers share one fetch.

        A caller that is cancelled leaves the fetch to the others.
        """
        token = self._current
        now = self._clock()
        if token is not None and now < token.renew_at:
            return token
        if token is not None and now < token.expires_at:
            if now >= self._pause_until:
                # Not waited for: the old token still serves.
                _ = self._fetching()
            return token
        return await self.fetch()

    def invalidate(self, token: Token) -> None:
        """Foundry refused this token. A late refusal of an older one changes nothing."""
        if self._current is token:
            self._current = None

    async def fetch(self) -> Token | Outage:
        """Fetch a new token in any case, or join the fetch that is under way. For `doctor`."""
        return await asyncio.shield(self._fetching())

    async def close(self) -> None:
        """Cancel the fetch that is under way, if any."""
        fetch, self._fetch = self._fetch, None
        if fetch is not None and not fetch.done():
            fetch.cancel()
            await asyncio.wait([fetch])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _fetching(self) -> asyncio.Future[Token | Outage]:
        """The fetch that is under way, or a new one. If the last one ended with a bug, that is raised here."""
        fetch = self._fetch
        if fetch is not None and not fetch.done():
            return fetch
        if fetch is not None and not fetch.cancelled():
            fetch.result()
        # Owned by this object, and ended by `close`. A TaskGroup would wrap all the service's errors in a group.
        self._fetch = asyncio.create_task(self._renew(), name="foundry-token")
        return self._fetch

    async def _renew(self) -> Token | Outage:
        """Fetch a token. A failure leaves the current one as it is."""
        asked_at = self._clock()
        grant = await self._ask()
        if isinstance(grant, Outage):
            self.failed += 1
            wait = max(RENEWAL_PAUSE, grant.answer.retry_after or 0.0)
            self._pause_until = self._clock() + wait
            return grant
        self.fetched += 1
        self._config.client_secret.remember(grant.access_token)
        # Counted from before the request, so that we never think it lives longer than the server does.
        life = min(max(grant.expires_in, SHORTEST_LIFE), LONGEST_LIFE)
        token = Token(
            f"Bearer {grant.access_token}",
            asked_at + life * (0.75 + 0.05 * self._jitter()),
            asked_at + life - min(10.0, life * 0.1),
            grant.scopes,
        )
        self._current = token
        return token

    async def _ask(self) -> Grant | Outage:
        """Ask with the present secret; if Foundry does not know it yet, once more with the former one."""
        former = self._proven
        try:
            secret = self._config.client_secret.read()
        except (OSError, ValueError) as failure:
            unreadable = secret_unreadable(self._config.client_secret, failure)
            return unreadable if former is None else await self._once_more(former, unreadable)
        grant = await self._post(secret)
        if isinstance(grant, Grant):
            self._proven = secret
            return grant
        if former is None or former == secret or not _unauthorised(grant):
            return grant
        again = await self._once_more(former, grant)
        return again if isinstance(again, Grant) else grant

    async def _once_more(self, former: str, why: Outage) -> Grant | Outage:
        """Ask with the former secret. Logged, as a rotation gone wrong would otherwise only show at the next restart."""
        grant = await self._post(former)
        if isinstance(grant, Grant):
            cause, detail = why.answer.cause, why.answer.detail
            told = {"cause": cause, "why": detail, "remedy": why.remedy}
            log.warning("former client secret in use", extra={"fields": told})
        return grant

    async def _post(self, secret: str) -> Grant | Outage:
        with Timing(self._told, hdrs.METH_POST) as timing:
            try:
                async with asyncio.timeout(min(FETCH_TIMEOUT, self._config.request_timeout)):
                    response = await self._session.post(
                        self._url,
                        data=self._form(secret),
                        headers=self._headers(secret),
                        allow_redirects=False,
                    )
                    async with response:
                        reply = await read_reply(response)
            except NETWORK_ERRORS as failure:
                cause = cause_of(failure)
                timing.failure = cause.name
                return cause.outage("token")
            timing.status = reply.status
        return judge_token_answer(reply, time.time())

    def _form(self, secret: str) -> dict[str, str]:
        form = {"grant_type": "client_credentials"}
        if self._config.scopes:
            form["scope"] = " ".join(self._config.scopes)
        if self._config.client_auth == "post":
            form |= {"client_id": self._config.client_id, "client_secret": secret}
        return form

    def _headers(self, secret: str) -> dict[str, str]:
        if self._config.client_auth == "post":
            return {}
        # RFC 6749 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(self._config.client_id)}:{quote_plus(secret)}"
        return {hdrs.AUTHORIZATION: f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _unauthorised(outage: Outage) -> bool:
    return (
        outage.answer.status == HTTPStatus.UNAUTHORIZED or outage.answer.cause == "invalid_client"
    )
