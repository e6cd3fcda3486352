"""Reads back for `ask`: one object by primary key, or the first one that a search finds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from yarl import URL

from consumer.foundry.answers import Reply, read_error, read_object
from consumer.foundry.causes import TIMEOUT
from consumer.foundry.classify import outage_of_read
from consumer.foundry.config import FoundryConfig, endpoint
from consumer.foundry.exchange import Exchange, Lost
from consumer.foundry.verdicts import MISREAD
from consumer.model import Lookup
from consumer.outcomes import Answer, Found, LookupOutcome, Missing, Outage, Withheld

_PAGES = 10
"""Most pages that are read without finding an object: Foundry may return an empty page before the last one."""


class Lookups:
    """Reads objects of one ontology. Never raises for anything the network does."""

    def __init__(
        self, config: FoundryConfig, exchange: Exchange, *, wall: Callable[[], float]
    ) -> None:
        self._objects = (
            config.hostname,
            "api",
            "v2",
            "ontologies",
            config.ontology,
            "objects",
        )
        self._timeout = config.request_timeout
        self._exchange = exchange
        self._wall = wall

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        """Found, missing, or an outage. `Missing` only if Foundry itself says so."""
        if lookup.where is not None:
            return await self._search(lookup.object_type, lookup.where)
        return await self._get(lookup.object_type, lookup.key)

    async def _get(self, object_type: str, key: str | int | None) -> LookupOutcome:
        try:
            url = endpoint(*self._objects, object_type, "" if key is None else str(key))
        except ValueError as failure:
            # A URL cannot contain such a key: it would address something other than one object.
            return _misread(f"primary key: {failure}")
        reply = await self._exchange.get(url)
        if isinstance(reply, Outage):
            return reply
        if (found := _success(reply)) is not None:
            return Found(found)
        error = read_error(reply)
        if error is not None and error.local_name == "ObjectNotFound":
            return Missing()
        return outage_of_read(reply, self._wall())

    async def _search(self, object_type: str, where: Mapping[str, Any]) -> LookupOutcome:
        if not where:
            return _misread("a search without a condition would find anything")
        url = endpoint(*self._objects, object_type, "search")
        body: dict[str, Any] = {"where": _condition(where), "pageSize": 1, "select": []}
        # To the caller all pages are one request, with one deadline: a drain waits for it, and so does the watchdog.
        deadline = asyncio.get_running_loop().time() + self._timeout
        for _ in range(_PAGES):
            found = await self._page(url, body, deadline)
            if isinstance(found, Outage):
                return found
            data = found["data"]
            if data and isinstance(data[0], dict):
                return Found(data[0])
            if not (token := found.get("nextPageToken")):
                return Missing()
            body["pageToken"] = token
        return _misread("the search ends nowhere")

    async def _page(
        self, url: URL, body: Mapping[str, Any], deadline: float
    ) -> Mapping[str, Any] | Outage:
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return TIMEOUT.unread()
        asked = json.dumps(body, allow_nan=False).encode()
        reply = await self._exchange.post(url, asked, within=left)
        if not isinstance(reply, Reply):
            return _not_read(reply)
        found = _success(reply)
        if found is None or not isinstance(found.get("data"), list):
            return outage_of_read(reply, self._wall())
        return found


def _success(reply: Reply) -> Mapping[str, Any] | None:
    if reply.succeeded and reply.json_typed and reply.complete:
        return read_object(reply.body)
    return None


def _condition(where: Mapping[str, Any]) -> dict[str, Any]:
    equal = [{"type": "eq", "field": name, "value": value} for name, value in where.items()]
    return equal[0] if len(equal) == 1 else {"type": "and", "value": equal}


def _not_read(reply: Outage | Withheld | Lost) -> Outage:
    if isinstance(reply, Outage):
        return reply
    if isinstance(reply, Lost):
        return reply.cause.unread()
    raise AssertionError("a search is never withheld")


def _misread(detail: str) -> Outage:
    return Outage(Answer("lookup", detail), MISREAD.gate, remedy=MISREAD.remedy)
