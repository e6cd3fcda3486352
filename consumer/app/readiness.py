"""When the service is ready: it is assigned, and has got a token from Foundry once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from consumer.outcomes import Outage
from consumer.telemetry import say

_AGAIN_AFTER: Final = 5.0
_SELDOM: Final = 60.0
"""Most seconds between two tries. A record that needs to be sent has a token fetched by itself."""
_log = logging.getLogger(__name__)


class FirstToken(Protocol):
    """Foundry's tokens, as far as the first one is concerned."""

    @property
    def fetched(self) -> int: ...
    async def get(self) -> object: ...


class Readiness:
    """A closed gate does not count: no other instance would do better."""

    def __init__(self, assigned: Callable[[], bool], tokens: FirstToken) -> None:
        self._assigned = assigned
        self._tokens = tokens
        self._lacking = "not asked for yet"

    def checks(self) -> Mapping[str, str]:
        """As `consumer.ports.Checks`."""
        assigned = "" if self._assigned() else "the group has not assigned partitions"
        token = "" if self._tokens.fetched else f"Foundry gave no token: {self._lacking}"
        return {"assigned": assigned, "token": token}

    async def fetch_first_token(self) -> None:
        """Ask until there is a token: if there is nothing to send, nobody else does."""
        wait = _AGAIN_AFTER
        while True:
            got = await self._tokens.get()
            if not isinstance(got, Outage):
                return
            if got.answer.cause != self._lacking:
                self._lacking = got.answer.cause
                say(_log, logging.WARNING, "no token", cause=self._lacking, remedy=got.remedy)
            await asyncio.sleep(max(wait, got.answer.retry_after or 0.0))
            wait = min(2 * wait, _SELDOM)
