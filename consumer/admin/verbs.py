"""The operator's verbs. Each leaves a line in the log: who, what, and with what result."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiohttp import web

from consumer.admin.bearer import Doorkeeper
from consumer.admin.problems import Problem
from consumer.errors import NotAssigned, SkipRefused
from consumer.model import Partition
from consumer.telemetry import say

ACTOR: Final = "X-Actor"
"""The header with the operator's name, which nothing proves: all share one token."""
_MOST_OFFSET: Final = 2**63 - 1
_MOST_DIGITS: Final = 19
_TOO_MANY: Final = HTTPStatus.TOO_MANY_REQUESTS.phrase.lower()
_log = logging.getLogger(__name__)

Verb = Callable[[web.Request], Awaitable[dict[str, object]]]


class Operator(Protocol):
    """What the verbs do: `Dispatch`."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...

    async def skip(self, partition: Partition, offset: int) -> str:
        """Raises SkipRefused, NotAssigned."""
        ...


class Verbs:
    """Routes that change something: only by POST, and only with the token."""

    def __init__(
        self,
        operator: Operator,
        doorkeeper: Doorkeeper,
        status: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._operator = operator
        self._doorkeeper = doorkeeper
        self._status = status

    def routes(self) -> list[web.RouteDef]:
        """The routes. A path whose parts cannot be a topic and a partition is not found."""
        topic, partition = "{topic:[A-Za-z0-9._-]{1,249}}", "{partition:[0-9]{1,10}}"
        return [
            web.post("/pause", self._audited("pause", self._pause)),
            web.post("/resume", self._audited("resume", self._resume)),
            web.post(f"/partitions/{topic}/{partition}/skip", self._audited("skip", self._skip)),
        ]

    def _audited(self, name: str, verb: Verb) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def do(request: web.Request) -> web.Response:
            outcome = "failed"
            more: dict[str, object] = {}
            try:
                self._doorkeeper.admit(request)
                told = await verb(request)
                outcome, more = "done", told
                return web.json_response(told)
            except Problem as problem:
                outcome, more = problem.status.phrase.lower(), {"why": problem.detail}
                raise
            finally:
                # Beyond the limit somebody else could flood the log.
                if outcome != _TOO_MANY:
                    _say(request, name, outcome, why=more.get("why"), what=more.get("skipped"))

        return do

    async def _pause(self, _: web.Request) -> dict[str, object]:
        self._operator.pause()
        return {"gate": self._status()["gate"]}

    async def _resume(self, _: web.Request) -> dict[str, object]:
        self._operator.resume()
        return {"gate": self._status()["gate"]}

    async def _skip(self, request: web.Request) -> dict[str, object]:
        partition = Partition(request.match_info["topic"], int(request.match_info["partition"]))
        offset = _offset(request)
        try:
            return {"skipped": await self._operator.skip(partition, offset)}
        except NotAssigned as refused:
            raise Problem(HTTPStatus.NOT_FOUND, str(refused)) from None
        except SkipRefused as refused:
            raise Problem(HTTPStatus.CONFLICT, str(refused)) from None


def _offset(request: web.Request) -> int:
    given = request.query.getall("offset", [])
    text = given[0] if len(given) == 1 else ""
    # `isdigit` alone would accept digits of any script; `int` is slow on long texts, so their length comes first.
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "exactly one ?offset= is required: a whole number, 0 or more"
        )
    offset = int(text)
    if offset > _MOST_OFFSET:
        raise Problem(HTTPStatus.BAD_REQUEST, "this offset is larger than any offset can be")
    return offset


def _say(request: web.Request, verb: str, outcome: str, **more: object) -> None:
    # A warning whatever the result: what a person did has to be in the log at every level but `error`.
    say(
        _log,
        logging.WARNING,
        "operator",
        verb=verb,
        outcome=outcome,
        remote=request.remote,
        actor=request.headers.get(ACTOR),
        topic=request.match_info.get("topic"),
        partition=request.match_info.get("partition"),
        offset=request.query.get("offset"),
        **more,
    )
