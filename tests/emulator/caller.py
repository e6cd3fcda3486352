"""A client that knows HTTP and nothing of Foundry, so that the emulator alone is tested."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote

import aiohttp

from deploy.local.foundry import DEFAULT_CLIENT, Foundry, parse_fault
from deploy.local.foundry.wire import encode

READ_WRITE = "api:ontologies-read api:ontologies-write"
TICKET = {
    "ticketId": "T-1",
    "title": "The printer burns",
    "priority": "low",
    "openedAt": "2026-03-01T08:00:00Z",
}


def ticket(number: int, **more: Any) -> dict[str, Any]:
    return {**TICKET, "ticketId": f"T-{number}", **more}


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and name; also that the error has the shape that all of Foundry's have."""
        assert self.json.keys() == {"errorCode", "errorName", "errorInstanceId", "parameters"}
        return self.status, self.json["errorCode"], self.json["errorName"]


class Caller:
    """Calls one emulator with one token."""

    def __init__(self, foundry: Foundry, session: aiohttp.ClientSession) -> None:
        self.foundry = foundry
        self.session = session
        self.token: str | None = None

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Answered:
        given = dict(headers or {})
        if self.token is not None and "/oauth2/" not in path:
            given.setdefault("Authorization", f"Bearer {self.token}")
        async with self.session.request(
            method, self.foundry.url + path, headers=given, allow_redirects=False, **more
        ) as response:
            body = await response.read()
            is_json = response.content_type == "application/json" and body
            return Answered(
                response.status,
                response.headers,
                body,
                await response.json() if is_json else None,
            )

    async def log_in(self, scope: str | None = READ_WRITE) -> Answered:
        form = {
            "grant_type": "client_credentials",
            "client_id": DEFAULT_CLIENT[0],
            "client_secret": DEFAULT_CLIENT[1],
            **({} if scope is None else {"scope": scope}),
        }
        answered = await self.call("POST", "/multipass/api/oauth2/token", data=form)
        self.token = answered.json["access_token"]
        return answered

    def path(self, *segments: str) -> str:
        ontology = self.foundry.ontology.definition["apiName"]
        return "/api/v2/ontologies/" + "/".join(quote(s, safe="") for s in (ontology, *segments))

    async def get(self, *segments: str, query: str = "") -> Answered:
        return await self.call("GET", self.path(*segments) + query)

    async def post(
        self, *segments: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> Answered:
        """`body`: bytes as they are, anything else as JSON."""
        given = {"Content-Type": "application/json", **(headers or {})}
        content = body if isinstance(body, bytes) else encode(body)
        return await self.call("POST", self.path(*segments), data=BytesIO(content), headers=given)

    async def apply(
        self, action: str, parameters: Any, options: Mapping[str, Any] | None = None
    ) -> Answered:
        body = {"parameters": parameters, **({} if options is None else {"options": options})}
        return await self.post("actions", action, "apply", body=body)

    async def batch(
        self, action: str, items: list[Any], options: Mapping[str, Any] | None = None
    ) -> Answered:
        requests = [{"parameters": item} for item in items]
        body = {"requests": requests, **({} if options is None else {"options": options})}
        return await self.post("actions", action, "applyBatch", body=body)

    async def control(self, method: str, path: str, given: Any = None) -> Answered:
        content = None if given is None else encode(given)
        return await self.call(method, f"/__control__/{path}", data=content)


@asynccontextmanager
async def calling(foundry: Foundry, *, log_in: bool = True) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession() as session:
        caller = Caller(foundry, session)
        if log_in:
            await caller.log_in()
        yield caller


def switch_on(foundry: Foundry, text: str) -> None:
    foundry.faults.switch_on(parse_fault(text))


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what the server does by itself; the test's own time limit ends it."""
    while not holds():
        await asyncio.sleep(0.002)
