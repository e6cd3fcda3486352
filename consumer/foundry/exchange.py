"""One request and its answer: with a token, within one deadline, and knowing whether it left this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from aiohttp import hdrs
from yarl import URL

from consumer.foundry.answers import Reply, read_error
from consumer.foundry.causes import CONNECT_TIMEOUT, CUT, TIMEOUT, Cause, cause_of
from consumer.foundry.classify import rule_of
from consumer.foundry.timing import Timing, Told, nobody
from consumer.foundry.tokens import Token, Tokens
from consumer.foundry.transport import (
    MAX_READ_BYTES,
    NETWORK_ERRORS,
    Body,
    Phase,
    head_of,
    read_reply,
)
from consumer.foundry.verdicts import TOKEN
from consumer.outcomes import Outage, Withheld

_TRIES = 3
"""How often a connection may turn out to be closed before a byte was written to it."""


_MADE = (Phase.WAITING, Phase.SENT)
"""A request that ended so was made, if only as far as the connection."""


@dataclass(frozen=True, slots=True)
class Lost:
    """It was sent, and no answer came back: it may have been executed, or be so yet."""

    cause: Cause
    head: Reply | None = None
    """The answer without its body, where that did not come in time."""


@dataclass(slots=True)
class _Attempt:
    """How far the present try came; the deadline may strike at any point of it."""

    has_token: bool = False
    body: Body | None = None

    def timed_out(self) -> Outage | Withheld | Lost:
        if not self.has_token:
            return TIMEOUT.outage("token")
        phase = self.body.phase if self.body is not None else Phase.WAITING
        if self.body is not None and phase is Phase.SENT:
            response = self.body.response
            return Lost(TIMEOUT, None if response is None else head_of(response))
        return Withheld() if phase is Phase.WITHHELD else CONNECT_TIMEOUT.outage()


class Exchange:
    """Sends with the one token; where that is refused it gets a fresh one and one more try, for it was not executed."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        timeout: float,
        told: Told = nobody,
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._timeout = timeout
        self._told = told

    async def post(
        self,
        url: URL,
        data: bytes,
        may_send: Callable[[], bool] = lambda: True,
        extra: Mapping[str, str] | None = None,
        *,
        within: float | None = None,
    ) -> Reply | Outage | Withheld | Lost:
        """POST a JSON body. All of it, the wait for a token and a second try included, ends in time.

        `within`: seconds, where less is left than a request may take.

        Raises:
            Exception: what `may_send` raises.
        """
        attempt = _Attempt()
        try:
            async with asyncio.timeout(self._timeout if within is None else within):
                return await self._post(attempt, url, data, may_send, extra)
        except TimeoutError:
            return attempt.timed_out()

    async def get(self, url: URL) -> Reply | Outage:
        """GET. aiohttp may repeat it on a broken connection, which is harmless."""
        attempt = _Attempt()
        try:
            async with asyncio.timeout(self._timeout):
                return await self._get(attempt, url)
        except TimeoutError:
            return TIMEOUT.unread() if attempt.has_token else TIMEOUT.outage("token")

    async def _post(
        self,
        attempt: _Attempt,
        url: URL,
        data: bytes,
        may_send: Callable[[], bool],
        extra: Mapping[str, str] | None,
    ) -> Reply | Outage | Withheld | Lost:
        token = self._tokens.current() or await self._tokens.get()
        for last in (False, True):
            if isinstance(token, Outage):
                return token
            attempt.has_token = True
            headers = {"Authorization": token.authorization}
            if extra:
                headers.update(extra)
            reply = await self._write(attempt, url, data, may_send, headers)
            if last or not _unauthorised(reply):
                return reply
            token = await self._another_token(attempt, token)
        raise AssertionError("the second try always returns")

    async def _get(self, attempt: _Attempt, url: URL) -> Reply | Outage:
        token = await self._tokens.get()
        for last in (False, True):
            if isinstance(token, Outage):
                return token
            attempt.has_token = True
            reply = await self._read(url, token)
            if last or not _unauthorised(reply):
                return reply
            token = await self._another_token(attempt, token)
        raise AssertionError("the second try always returns")

    async def _read(self, url: URL, token: Token) -> Reply | Outage:
        with Timing(self._told, hdrs.METH_GET) as timing:
            try:
                response = await self._session.get(
                    url,
                    headers={hdrs.AUTHORIZATION: token.authorization},
                    allow_redirects=False,
                )
                async with response:
                    reply = await read_reply(response, MAX_READ_BYTES)
            except NETWORK_ERRORS as failure:
                cause = cause_of(failure)
                timing.failure = cause.name
                return cause.unread() if cause in (CUT, TIMEOUT) else cause.outage()
            timing.status = reply.status
            return reply

    async def _another_token(self, attempt: _Attempt, refused: Token) -> Token | Outage:
        attempt.has_token = False
        self._tokens.invalidate(refused)
        return await self._tokens.get()

    async def _write(
        self,
        attempt: _Attempt,
        url: URL,
        data: bytes,
        may_send: Callable[[], bool],
        headers: Mapping[str, str],
    ) -> Reply | Outage | Withheld | Lost:
        for _ in range(_TRIES):
            body = attempt.body = Body(data, may_send)
            with Timing(self._told, hdrs.METH_POST) as timing:
                reply = await self._once(body, url, headers)
                timing.made = body.phase in _MADE
                if isinstance(reply, Reply):
                    timing.status = reply.status
                else:
                    timing.failure = _failure(reply)
            if body.phase is not Phase.STALE:
                attempt.body = None
                return reply
        return CUT.outage()

    async def _once(
        self, body: Body, url: URL, headers: Mapping[str, str]
    ) -> Reply | Outage | Withheld | Lost:
        read = False
        try:
            response = await self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            )
            if body.phase is not Phase.SENT:
                # What stood unread on a pooled connection, taken for the answer: nothing was written yet, and
                # nothing may be any more. At once: the rest of it may never come, and meanwhile the request
                # would be written.
                body.phase = Phase.STALE
                response.close()
                return CUT.outage()
            body.response = response
            reply = await read_reply(response)
            read = reply.complete
        except NETWORK_ERRORS as failure:
            return _failed(body, failure)
        finally:
            # A connection that was read to its end is back in the pool, perhaps another request's by now.
            if not read:
                body.abort()
        return reply


def _failure(reply: Outage | Withheld | Lost) -> str | None:
    match reply:
        case Outage(answer):
            return answer.cause
        case Lost(cause):
            return cause.name
        case Withheld():
            return None


def _failed(body: Body, failure: BaseException) -> Outage | Withheld | Lost:
    match body.phase:
        case Phase.SENT:
            cause = cause_of(failure)
            return Lost(cause if cause is TIMEOUT else CUT)
        case Phase.WITHHELD:
            return Withheld()
        case Phase.ASKED:
            # aiohttp wraps it, and its text names the connection with the proxy's password.
            raise failure.__cause__ or failure from None
        case _:
            return cause_of(failure).outage()


def _unauthorised(reply: object) -> bool:
    if not isinstance(reply, Reply) or reply.succeeded:
        return False
    # By its name too, as it is judged: name and status disagree on some stacks.
    return reply.status == HTTPStatus.UNAUTHORIZED or rule_of(reply, read_error(reply)) is TOKEN
