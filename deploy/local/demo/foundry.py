"""Foundry's side: the emulator's control API over plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from deploy.local.demo.evidence import Effect

PAGE = 5_000


class Foundry:
    """The emulator at `url`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def status(self) -> dict[str, Any]:
        return await self._get("status")

    async def switch_on(self, fault: str) -> None:
        async with self._session.post("/__control__/faults", json=fault) as answer:
            answer.raise_for_status()

    async def effects(self) -> list[Effect]:
        """All that took effect so far, oldest first."""
        found: list[Effect] = []
        while True:
            after = found[-1].sequence if found else 0
            page = await self._get(f"effects?after={after}&limit={PAGE}")
            found += [
                Effect(each["seq"], each["time"], each["action"], each["parameters"])
                for each in page["effects"]
            ]
            if len(page["effects"]) < PAGE:
                return found

    async def _get(self, what: str) -> dict[str, Any]:
        async with self._session.get(f"/__control__/{what}") as answer:
            answer.raise_for_status()
            found: dict[str, Any] = await answer.json()
            return found


@asynccontextmanager
async def reached(url: str) -> AsyncIterator[Foundry]:
    async with aiohttp.ClientSession(url) as session:
        yield Foundry(session)
