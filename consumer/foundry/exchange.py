"""One request and its answer: with a token, within one deadline, and knowing whether it left the process."""

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
"""How often a connection may turn out to be closed before a byte is written to it."""


_MADE = (Phase.WAITING, Phase.SENT)
"""Phases in which a request ends that was made, if only as far as asking for a connection."""


@dataclass(frozen=True, slots=True)
class Lost:
    """It was sent and no answer came back: it may have been executed, or may be yet."""

    cause: Cause
    head: Reply | None = None
    """The head of the answer, if only its body did not come in time."""


@dataclass(slots=True)
class _Attempt:
    """How far the present attempt has got, as the deadline may strike at any point."""

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
    """Sends with the one token. If that is refused nothing was executed, so it tries once more, with a fresh one."""

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
        """POST a JSON body, within one deadline that includes waiting for a token and the second try.

        `within`: seconds, if less is left than a request may take.

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
                # Bytes that were unread on a pooled connection were taken for the answer. Nothing has been written
                # yet, and nothing must be any more. Close at once: the rest of that "answer" may never come, and
                # meanwhile the request would be written.
                body.phase = Phase.STALE
                response.close()
                return CUT.outage()
            body.response = response
            reply = await read_reply(response)
            read = reply.complete
        except NETWORK_ERRORS as failure:
            return _failed(body, failure)
        finally:
            # After a complete answer the connection is back in the pool, and perhaps in use again.
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
            # aiohttp wraps it in an error whose text may contain the proxy's password.
            raise failure.__cause__ or failure from None
        case _:
            return cause_of(failure).outage()


def _unauthorised(reply: object) -> bool:
    if not isinstance(reply, Reply) or reply.succeeded:
        return False
    # By the error's name too, as it will be judged: on some stacks name and status disagree.
    return reply.status == HTTPStatus.UNAUTHORIZED or rule_of(reply, read_error(reply)) is TOKEN
