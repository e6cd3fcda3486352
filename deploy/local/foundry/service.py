"""Foundry as one service: a request comes in, an answer, an error or a broken connection goes out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from aiohttp import web

from deploy.local.foundry import control, oauth
from deploy.local.foundry.actions import Engine, Submission, read_apply, read_batch
from deploy.local.foundry.effects import Asked, Origin
from deploy.local.foundry.faults import Endpoint, Switched
from deploy.local.foundry.identity import READ, WRITE, OAuthError, Token, require_scopes
from deploy.local.foundry.misbehaviour import Connection, Cut, cut, misbehave, overloaded
from deploy.local.foundry.routes import Call, Routes
from deploy.local.foundry.stack import Foundry
from deploy.local.foundry.wire import Refusal, Reply, require_json


class Service:
    """Answers requests from one stack's state."""

    def __init__(self, foundry: Foundry) -> None:
        self._foundry = foundry
        self._engine = Engine(foundry.objects, foundry.effects)
        self._routes = Routes()
        self._late: list[asyncio.Task[None]] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.raw_path.partition("?")[0]
        if path.startswith(control.PREFIX):
            return respond(await control.answer(self._foundry, request))
        asked = self._foundry.requests.begin(request.method, path)
        try:
            response = await self._respond(request, asked)
            # Written here, not by the caller: until it is out the request is in flight.
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            asked.delivered = False
            return web.Response()  # for nobody: the connection has gone, as the server will find
        finally:
            transport = request.transport
            asked.delivered &= transport is not None and not transport.is_closing()
            self._foundry.requests.end(asked)
        return response

    async def _respond(self, request: web.BaseRequest, asked: Asked) -> web.StreamResponse:
        try:
            reply = await self._answer(request, asked)
        except Refusal as refusal:
            reply = refusal.reply()
        except OAuthError as error:
            reply = oauth.refuse(error)
        except web.HTTPRequestEntityTooLarge:
            reply = Refusal("REQUEST_ENTITY_TOO_LARGE", "RequestEntityTooLarge", {}).reply()
        except Cut as broken:
            cut(request, broken.reply)
            raise ConnectionResetError from broken
        asked.status = reply.status
        return respond(reply)

    async def _answer(self, request: web.BaseRequest, asked: Asked) -> Reply:
        call = self._routes.find(request.method, request.raw_path)
        if call is None:
            return Reply(404, b"")  # empty: this stack does not know the route
        if call.endpoint == "token":
            body = await request.read()
            issue = oauth.revoke if call.name == "revoke" else oauth.issue
            return await self._read(
                request,
                asked,
                "token",
                lambda: issue(self._foundry.identity, request.headers, body),
            )
        if call.endpoint == "page":
            return Reply(200, b"<!doctype html><title>Sign in</title>", "text/html")
        token = self._foundry.identity.token(request.headers.get("Authorization"))
        asked.client = token.client.id
        if call.endpoint == "actions":
            return await self._submit(request, asked, call, token)
        body = await request.read()
        return await self._read(
            request,
            asked,
            call.endpoint,
            lambda: self._routes.read(self._foundry, call, token, body),
            call.about,
        )

    async def _read(
        self,
        request: web.BaseRequest,
        asked: Asked,
        endpoint: Endpoint,
        read: Callable[[], Reply],
        action: str | None = None,
    ) -> Reply:
        if not self._foundry.faults:
            return read()
        delay, switched = self._meet(asked, endpoint, action, ())
        await asyncio.sleep(delay)
        if switched is None:
            return read()
        reply = read() if switched.fault.when == "after" else None
        return await misbehave(_connection(request), switched, reply)

    async def _submit(
        self, request: web.BaseRequest, asked: Asked, call: Call, token: Token
    ) -> Reply:
        require_scopes(token, READ, WRITE)
        require_json(request.headers.get("Content-Type"))
        self._require_ontology(call)
        action = self._foundry.ontology.action_type(call.name)
        body = await request.read()
        if call.batched:
            submission = read_batch(action, body, self._foundry.limits.batch)
        else:
            submission = read_apply(action, body)
        if not submission.validate_only:
            asked.items = submission.items
        if self._foundry.in_flight > self._foundry.limits.in_flight:
            return overloaded()
        origin = Origin(asked.number, token.client.id, request.headers.get("traceparent"))
        if self._foundry.faults:
            return await self._submit_with_faults(request, asked, submission, origin, token)
        answered = self._engine.examine(submission)
        return answered or self._engine.execute(submission, origin, token.client.user)

    def _require_ontology(self, call: Call) -> None:
        if not self._foundry.ontology.answers_to(call.ontology):
            raise Refusal("NOT_FOUND", "OntologyNotFound", {"apiName": call.ontology})

    async def _submit_with_faults(
        self,
        request: web.BaseRequest,
        asked: Asked,
        submission: Submission,
        origin: Origin,
        token: Token,
    ) -> Reply:
        name = submission.action.name
        delay, switched = self._meet(asked, "actions", name, submission.items)
        if switched is None:
            return await self._delayed(submission, origin, token, delay)
        fault = switched.fault
        if fault.kind == "invalid":
            await asyncio.sleep(delay)
            return self._engine.fail(submission, fault.message)
        reply = None
        if fault.kind == "late":
            late = self._execute_late(submission, origin, token, fault.seconds)
            self._late.append(asyncio.create_task(late, name=f"late {asked.number}"))
        elif fault.when == "after":
            reply = await self._delayed(submission, origin, token, delay)
        else:
            await asyncio.sleep(delay)
        return await misbehave(_connection(request), switched, reply)

    async def _delayed(
        self, submission: Submission, origin: Origin, token: Token, delay: float
    ) -> Reply:
        """The delay stands between reading the objects and editing them: time enough for a conflict."""
        answered = self._engine.examine(submission)
        user = token.client.user
        if not delay:
            return answered or self._engine.execute(submission, origin, user)
        since = None if answered else self._engine.versions(submission, user)
        await asyncio.sleep(delay)
        return answered or self._engine.execute(submission, origin, user, since)

    async def _execute_late(
        self, submission: Submission, origin: Origin, token: Token, seconds: float
    ) -> None:
        await asyncio.sleep(seconds)
        try:
            if self._engine.examine(submission) is None:
                self._engine.execute(submission, origin, token.client.user)
        except Refusal:
            return  # there is nobody left to tell

    def _meet(
        self,
        asked: Asked,
        endpoint: Endpoint,
        action: str | None,
        items: Sequence[Mapping[str, Any]],
    ) -> tuple[float, Switched | None]:
        delay, switched = self._foundry.faults.meet(
            endpoint, action, items, self._foundry.in_flight
        )
        if switched is not None:
            asked.fault = switched.fault.kind
        return delay, switched

    async def stop(self) -> None:
        """Let go what hangs; what was to be executed later never will be."""
        self._foundry.faults.clear()
        for task in self._late:
            task.cancel()
        for ended in await asyncio.gather(*self._late, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended


def _connection(request: web.BaseRequest) -> Connection:
    return cast(Connection, request.protocol)


def respond(reply: Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type, **(reply.headers or {})}
    return web.Response(status=reply.status, body=reply.body, headers=headers)
