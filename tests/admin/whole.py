"""A core that works in a world, with all that shows it around it, as `app` puts it there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families as parse

from consumer.admin import status
from consumer.app.administration import Watched, sources_of
from consumer.dispatch import Dispatch
from consumer.telemetry import (
    MeteredActions,
    Meters,
    Progress,
    RequestDurations,
    Sources,
    Sums,
    Telemetry,
    exposition,
    look_at,
)
from tests.flow.process import Ports, Service, core
from tests.flow.simulate import simulate
from tests.flow.world import TOPIC, World

EPOCH = 1_700_000_000.0


@dataclass
class Tokens:
    """A token that ends in ten minutes of the world's time, once it was fetched."""

    now: Callable[[], float]
    fetched: int = 0
    failed: int = 0

    @property
    def expires_at(self) -> float | None:
        return self.now() + 600 if self.fetched else None

    async def get(self) -> object:
        return object()


@dataclass
class Seen:
    """One process, and all that shows it."""

    core: Dispatch
    watch: Telemetry
    sources: Sources
    meters: Meters
    tokens: Tokens
    follow: asyncio.Task[None]

    def status(self) -> Any:
        return status(self.sources, self.watch)

    def series(self) -> dict[tuple[str, ...], float]:
        """Full name and label values, the buckets left out."""
        page, _ = exposition(self.meters, "")
        return {
            (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
            for family in parse(page.decode())
            for sample in family.samples
            if "le" not in sample.labels
        }


def watched(story: Callable[[World, Seen], Awaitable[None]]) -> None:
    """A world with one process that is looked at as `app` does."""
    made: list[tuple[Ports, MeteredActions, Telemetry, Sums]] = []

    def service(ports: Ports) -> Service:
        now = asyncio.get_running_loop().time
        sums = Sums(topics=[TOPIC], actions=["set"], event_types=["e"])
        RequestDurations(sums, "stack.example", 443)
        watch, actions = Telemetry(sums, now), MeteredActions(ports.actions, sums)
        made.append((ports, actions, watch, sums))
        return core(replace(ports, watch=watch, actions=actions))

    async def main(world: World) -> None:
        process = world.start()
        ports, actions, watch, sums = made[0]
        dispatch, now = process.service, world.loop.time
        assert isinstance(dispatch, Dispatch)
        progress, tokens = Progress(dispatch.workload, ports.source, now), Tokens(now)
        parts = Watched(dispatch, ports.source, actions, tokens, live=dict)
        sources = replace(
            sources_of(parts, progress, ["set"], [TOPIC]), now=now, wall=lambda: EPOCH + now()
        )
        meters = Meters(sums)
        look_at(sources, meters)
        task = world.loop.create_task(progress.follow())
        await story(world, Seen(dispatch, watch, sources, meters, tokens, task))
        task.cancel()

    simulate(main, service=service)
