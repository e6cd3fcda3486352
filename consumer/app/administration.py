"""The admin port and the metrics, put around a core."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from consumer.admin import AdminConfig, Surface, serve, status
from consumer.app.readiness import FirstToken, Readiness
from consumer.contracts import Contracts
from consumer.dispatch import Dispatch
from consumer.ports import Actions, Checks, Source
from consumer.settings import Settings
from consumer.settings.sections import AdminSettings
from consumer.telemetry import (
    Exposition,
    MeteredActions,
    Meters,
    Progress,
    RequestDurations,
    Sources,
    Sums,
    Telemetry,
    look_at,
)
from consumer.telemetry.readings import TokenState

_HTTP: Final = 80
_HTTPS: Final = 443
# The clock of the standard library's event loop, by which records are taken in and tokens expire.
now = time.monotonic


class Instruments:
    """What counts and measures while the service runs; made before the parts that it counts."""

    def __init__(self, settings: Settings, contracts: Contracts) -> None:
        self.topics = list(contracts.by_topic)
        self.actions = list(dict.fromkeys(each.action_type.name for each in contracts.actions))
        event_types = {name for each in contracts.by_topic.values() for name in each.routes}
        self.sums = Sums(topics=self.topics, actions=self.actions, event_types=sorted(event_types))
        self.meters = Meters(self.sums)
        self.watch = Telemetry(self.sums, now)
        host = urlsplit(settings.foundry.hostname)
        port = host.port or (_HTTPS if host.scheme == "https" else _HTTP)
        self.durations = RequestDurations(self.sums, host.hostname or "", port)

    def metered(self, actions: Actions) -> MeteredActions:
        """The same actions, counted."""
        return MeteredActions(actions, self.sums)


class ShownTokens(TokenState, FirstToken, Protocol):
    """Foundry's tokens, as far as they are shown and waited for."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts that the admin port shows, and the core, on which its verbs act."""

    core: Dispatch
    source: Source
    actions: MeteredActions
    tokens: ShownTokens
    live: Checks


@asynccontextmanager
async def administered(
    settings: Settings, instruments: Instruments, parts: Watched
) -> AsyncIterator[None]:
    """The admin port, if there is one, answers while the block runs: before the join and during the drain, too.

    Raises:
        StartRefused: the address cannot be listened on.
    """
    if not settings.admin.port:
        yield
        return
    progress = Progress(parts.core.workload, parts.source, now)
    sources = sources_of(parts, progress, instruments.actions, instruments.topics)
    look_at(sources, instruments.meters)
    readiness = Readiness(lambda: sources.assigned(instruments.watch.assignment), parts.tokens)
    surface = Surface(
        live=parts.live,
        ready=readiness.checks,
        metrics=Exposition(instruments.meters, now),
        status=lambda: status(sources, instruments.watch),
        operator=parts.core,
    )
    async with serve(_config(settings.admin), surface), asyncio.TaskGroup() as tasks:
        side = (
            tasks.create_task(progress.follow(), name="log ends"),
            tasks.create_task(readiness.fetch_first_token(), name="first token"),
        )
        yield
        for task in side:
            task.cancel()


def sources_of(
    parts: Watched, progress: Progress, actions: Sequence[str], topics: Sequence[str]
) -> Sources:
    """Where the present values come from."""
    core = parts.core
    return Sources(
        workload=core.workload,
        gate=core.gate,
        progress=progress,
        token=parts.tokens,
        in_flight=lambda: parts.actions.in_flight,
        concurrency_limit=lambda: core.concurrency_limit,
        letter_budget=lambda: core.budget.remaining,
        actions=actions,
        topics=topics,
        now=now,
        wall=time.time,
    )


def _config(given: AdminSettings) -> AdminConfig:
    return AdminConfig(given.host, given.port, given.secret("token"), given.allowed_hosts)
