"""Three brokers that replicate to one another: one after another goes and comes back, and the service goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.kafka import Broker, Brokers
from tests.broker import NEEDS_BROKER, Cluster
from tests.e2e.jobs import broken
from tests.e2e.kafka import connected
from tests.e2e.scene import Scene, staged
from tests.e2e.service import Service
from tests.e2e.settings import COMMIT_INTERVAL, REQUEST_TIMEOUT, Section

NODES = 3
OFFSETS = "__consumer_offsets"
# A commit that waits for its replicas keeps the heartbeats behind it waiting, for five seconds each.
LONGER: Mapping[str, Section] = {"kafka": {"session_timeout": 30}}
OLDEST_COMMIT = 10 * COMMIT_INTERVAL
pytestmark = [*NEEDS_BROKER, pytest.mark.slow]


class Replicated:
    """The stage with its brokers."""

    def __init__(self, scene: Scene, brokers: Brokers, cluster: Cluster) -> None:
        self.scene = scene
        self.brokers = brokers
        self.cluster = cluster

    async def in_turn(self) -> Sequence[Broker]:
        """The brokers, that which coordinates the group first."""
        first = await self.cluster.leader(OFFSETS)
        nodes = self.brokers.nodes
        return [nodes[first], *(broker for node, broker in nodes.items() if node != first)]

    async def all_in_sync(self) -> None:
        topics = (OFFSETS, self.scene.kafka.topic, self.scene.kafka.letters_topic)
        async with asyncio.timeout(60):
            while min([await self.cluster.in_sync(each) for each in topics]) < NODES:
                await asyncio.sleep(0.2)

    async def end(self, service: Service) -> None:
        await self.scene.settled()
        service.ask_to_stop()
        assert await service.ended() == 0, service.tail()


@asynccontextmanager
async def replicated(folder: Path, **properties: str) -> AsyncIterator[Replicated]:
    """Underscores in the names of `properties` stand for dots."""
    dotted = {name.replace("_", "."): value for name, value in properties.items()}
    async with Brokers(folder / "kafka", NODES, dotted) as brokers:
        cluster = Cluster(brokers.bootstrap_servers, replicas=NODES)
        async with connected(cluster) as kafka, staged(kafka, folder) as scene:
            yield Replicated(scene, brokers, cluster)


async def test_brokers_that_are_restarted_one_after_another_cost_no_repeat_and_no_letter(
    tmp_path: Path,
) -> None:
    """As in an upgrade: leaders and the group's coordinator move away in order."""
    async with replicated(tmp_path) as there:
        async with there.scene.load():
            service = await there.scene.start_to_work()
            for broker in await there.in_turn():
                await asyncio.to_thread(broker.stop)
                await there.scene.progress(100)
                await asyncio.to_thread(broker.restart)
                await there.all_in_sync()
        await there.end(service)

        assert len(service.said("assigned")) == 1, "the membership outlives it"
        verdict = await there.scene.verdict()
        assert not verdict.broken
        assert (verdict.resent, verdict.reasons) == ({}, {})


async def test_brokers_that_are_killed_one_after_another_cost_nothing_but_time(
    tmp_path: Path,
) -> None:
    async with replicated(tmp_path) as there:
        async with there.scene.load():
            service = await there.scene.start_to_work()
            for broker in await there.in_turn():
                there.scene.note_end()
                await asyncio.to_thread(broker.kill)
                await there.scene.progress(100)
                await there.scene.note_kill()
                await asyncio.to_thread(broker.restart)
                await there.all_in_sync()
        await there.end(service)

        verdict = await there.scene.verdict()
        assert not verdict.broken
        assert verdict.reasons.keys() <= {"unknown"}


async def test_while_too_few_brokers_are_in_sync_nothing_counts_as_stored(tmp_path: Path) -> None:
    """Neither a commit nor a letter, and soon nothing more is sent; with the broker back all goes on by itself."""
    async with replicated(tmp_path, min_insync_replicas=str(NODES)) as there:
        scene = there.scene
        await scene.kafka.be_content_with_one_replica()
        # Of others the lanes would soon stand for their claims.
        async with scene.load(kinds=("safe",)):
            service = await scene.start_to_work(**LONGER)
            (_, other, _) = await there.in_turn()
            killed = time.time()
            await asyncio.to_thread(other.kill)
            await service.says("commit not stored")
            stored = scene.watermarks
            await scene.kafka.publish(broken("ill"))
            await scene.until(lambda: _stale(scene), "nothing more is sent")
            assert scene.effects[-1].time - killed < OLDEST_COMMIT + REQUEST_TIMEOUT
            await scene.look_again()
            assert scene.watermarks == stored
            assert not await scene.kafka.letters()
            await asyncio.to_thread(other.restart)
            await there.all_in_sync()
            await scene.progress()
        await there.end(service)

        verdict = await scene.verdict()
        assert not verdict.broken
        assert (verdict.resent, verdict.lettered) == ({}, len(broken("ill")))


def _stale(scene: Scene) -> bool:
    """Effects came, and none for longer than a commit may be old."""
    last = scene.effects[-1].time
    return time.time() - last > 2 * OLDEST_COMMIT
