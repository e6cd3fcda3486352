"""The admin port of the real command: probes, metrics and status are true, and the verbs do what they say."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster
from tests.e2e.scene import Scene
from tests.e2e.service import PATIENCE, Service

pytestmark = NEEDS_BROKER


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Admin:
    """The port of one process, spoken to as its operator does."""

    def __init__(self, scene: Scene, folder: Path, session: aiohttp.ClientSession) -> None:
        self._scene, self._session = scene, session
        self.port, self.token = free_port(), f"canary-{secrets.token_hex(12)}"
        self.token_file = folder / "operator-token"
        self.token_file.write_text(f"{self.token}\n")

    def start(self, **changes: object) -> Service:
        given = {"port": self.port, "token_file": str(self.token_file)}
        return self._scene.start(admin=given, **changes)  # type: ignore[arg-type]  # sections, passed on

    async def ask(self, method: str, path: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.token}"} if method == "POST" else {}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self._session.request(method, url, headers=headers) as answer:
            return answer.status, await answer.text()

    async def status(self) -> Any:
        async with self._session.get(f"http://127.0.0.1:{self.port}/status") as answer:
            return await answer.json()

    async def series(self) -> dict[str, float]:
        """By name alone: what each adds up to over its labels."""
        _, page = await self.ask("GET", "/metrics")
        found: dict[str, float] = {}
        for family in parse(page):
            for sample in family.samples:
                name = sample.name.removeprefix("foundry_consumer_")
                found[name] = found.get(name, 0) + sample.value
        return found

    async def until_ready(self, service: Service) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                assert service.code is None, service.tail()
                try:
                    status, _ = await self.ask("GET", "/readyz")
                except aiohttp.ClientConnectionError:
                    status = 0  # it is not listening yet
                if status == 200:
                    return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def administered(scene: Scene, folder: Path) -> AsyncIterator[Admin]:
    async with aiohttp.ClientSession() as session:
        yield Admin(scene, folder, session)


async def test_probes_metrics_and_status_are_true_and_a_pause_lasts_until_the_resume(
    scene: Scene, tmp_path: Path
) -> None:
    async with administered(scene, tmp_path) as admin:
        service = admin.start()
        await admin.until_ready(
            service
        )  # nothing was published: the token was asked for all the same
        assert (await admin.ask("GET", "/livez"))[0] == 200
        await scene.publish(200)
        await scene.settled()
        await asyncio.sleep(6)  # the ends are asked for every five seconds

        series, status = await admin.series(), await admin.status()

        assert series["records_total"] == 200
        assert series["lag_records"] == series["queued_records"] == series["gate_closed"] == 0
        assert series["settle_duration_seconds_count"] > 0
        assert series["http_client_request_duration_seconds_count"] > series["batch_size_count"] > 0
        assert series["build_info"] == series["rebalances_total"] == 1
        ends = {each["partition"]: each["watermark"] for each in status["partitions"]}
        assert ends == dict(scene.kafka.ends)
        assert {each["last_commit"]["outcome"] for each in status["partitions"]} == {"stored"}
        assert status["token"]["held"]

        assert (await admin.ask("POST", "/pause"))[0] == 200
        await asyncio.sleep(1)  # what was on its way
        before = scene.foundry.effects.total
        await scene.publish(50)
        await asyncio.sleep(2)
        assert scene.foundry.effects.total == before
        assert (await admin.status())["gate"][0]["reason"] == "operator"
        assert [(await admin.ask("GET", probe))[0] for probe in ("/livez", "/readyz")] == [200, 200]

        assert (await admin.ask("POST", "/resume"))[0] == 200
        await scene.settled()
        service.ask_to_stop()
        assert await service.ended() == 0, service.tail()

        verbs = [(line["verb"], line["outcome"]) for line in service.said("operator")]
        assert verbs == [("pause", "done"), ("resume", "done")]
        assert admin.token not in service.output
    verdict = await scene.verdict()
    assert not verdict.broken


async def test_a_port_that_is_taken_ends_the_start_with_1_and_names_the_remedy(
    scene: Scene, tmp_path: Path
) -> None:
    async with administered(scene, tmp_path) as admin:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", admin.port))
            taken.listen()
            service = admin.start()

            assert await service.ended() == 1

    assert "admin.port" in service.output
    assert "Traceback" not in service.output


async def test_while_foundry_and_its_token_are_out_of_reach_it_lives_and_is_not_ready(
    scene: Scene, tmp_path: Path
) -> None:
    await scene.close_foundry()
    async with administered(scene, tmp_path) as admin:
        service = admin.start()
        await service.says("no token")
        await service.says("assigned")

        live, _ = await admin.ask("GET", "/livez")
        ready, why = await admin.ask("GET", "/readyz")

        assert (live, ready) == (200, 503)
        assert "gave no token: refused" in why
        await scene.open_foundry()
        await admin.until_ready(service)


async def test_a_start_that_is_refused_is_said_in_a_line_with_the_port_open_too(
    scene: Scene, tmp_path: Path
) -> None:
    async with administered(scene, tmp_path) as admin:
        service = admin.start(topics={"work": "a-topic-that-is-not-there"})

        assert await service.ended() == 1

    assert "a-topic-that-is-not-there" in service.output
    assert "Traceback" not in service.output


async def test_a_skip_passes_over_what_a_partition_is_stuck_at_and_leaves_a_letter(
    scene: Scene, tmp_path: Path
) -> None:
    """Records that retention took unread: nobody but a person may say that they are missed."""
    await scene.publish(100)
    kafka = Cluster(scene.kafka.servers)
    await kafka.commit_alone(scene.kafka.group, {(scene.kafka.topic, 0): 1})
    await kafka.delete_records_before(scene.kafka.topic, 4)
    async with administered(scene, tmp_path) as admin:
        service = admin.start()
        await service.says("partition held")
        stuck = next(each for each in (await admin.status())["partitions"] if each["stuck"])
        path = f"/partitions/{stuck['topic']}/{stuck['partition']}/skip?offset="

        beyond, _ = await admin.ask("POST", f"{path}{stuck['position'] + 1}")
        before = await scene.kafka.letters()
        done, said = await admin.ask("POST", f"{path}{stuck['position']}")
        await scene.settled()

        assert (stuck["position"], stuck["watermark"]) == (1, 1)
        assert (beyond, before) == (409, [])
        assert done == 200, said
        (skipped,) = [each for each in await scene.kafka.letters() if each.reason == "skipped"]
        assert skipped.place == (0, 1)
        service.ask_to_stop()
        assert await service.ended() == 0, service.tail()


@pytest.mark.slow
async def test_an_outage_of_kafka_fails_no_probe_that_restarts_and_hangs_no_page(
    scene: Scene, tmp_path: Path, fragile: Broker
) -> None:
    async with administered(scene, tmp_path) as admin:
        service = admin.start()
        await admin.until_ready(service)
        await scene.publish(20)
        await scene.settled()

        fragile.suspend()
        try:
            for _ in range(20):
                began = time.monotonic()
                assert (await admin.ask("GET", "/livez"))[0] == 200
                assert (await admin.ask("GET", "/metrics"))[0] == 200
                assert (await admin.ask("GET", "/status"))[0] == 200
                assert time.monotonic() - began < 2
                await asyncio.sleep(0.5)
        finally:
            fragile.resume()
        await scene.publish(20)
        await scene.settled()
        assert service.code is None, service.tail()
