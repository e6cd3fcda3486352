"""Opens and closes the Foundry edge, for `app` and `doctor`."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from consumer.foundry.client import FoundryActions
from consumer.foundry.config import Clock, FoundryConfig
from consumer.foundry.exchange import Exchange
from consumer.foundry.ontology import OntologyReader
from consumer.foundry.timing import Told, nobody
from consumer.foundry.tokens import Tokens
from consumer.foundry.transport import open_session


@dataclass(frozen=True, slots=True)
class Foundry:
    """One stack, one service user: its actions, its metadata, its token."""

    actions: FoundryActions
    ontology: OntologyReader
    tokens: Tokens


@asynccontextmanager
async def open_foundry(
    config: FoundryConfig,
    *,
    clock: Clock = time.monotonic,
    wall: Callable[[], float] = time.time,
    jitter: Callable[[], float] = random.random,
    told: Told = nobody,
) -> AsyncIterator[Foundry]:
    """Open without sending anything: the first request fetches the token. `told` is called at the end of each request.

    Raises:
        SettingsError: `ca_file` cannot be used.
    """
    async with (
        open_session(config) as session,
        Tokens(config, session, clock=clock, jitter=jitter, told=told) as tokens,
    ):
        exchange = Exchange(session, tokens, config.request_timeout, told)
        yield Foundry(
            FoundryActions(config, exchange, wall=wall),
            OntologyReader(config, exchange, wall=wall),
            tokens,
        )
