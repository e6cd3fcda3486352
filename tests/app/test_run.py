"""The service as a process, on a real Kafka and the Foundry emulator."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import consumer
from deploy.local.foundry import DEFAULT_CLIENT, Foundry, serve
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster, external_servers, unique

pytestmark = NEEDS_BROKER
ROOT = Path(consumer.__file__).parent.parent
SECRET = DEFAULT_CLIENT[1]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TYPE = b"com.example.ticket.opened.v1"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if servers := external_servers():
        yield Cluster(servers)
        return
    with Broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield Cluster(broker.bootstrap_servers)


def event(number: int, **changes: object) -> bytes:
    fields = {
        "ticket_id": f"T-{number}",
        "title": f"canary-title-{number}",
        "priority": "high",
        "opened_at": "2026-01-01T12:00:00Z",
    }
    return json.dumps(fields | changes).encode()


def headers(number: int) -> list[tuple[str, bytes | None]]:
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", f"e-{number}".encode()),
        ("ce_source", b"/helpdesk"),
        ("ce_type", TYPE),
        ("content-type", b"application/json"),
        ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode()),
    ]


async def publish(cluster: Cluster, topic: str, *values: bytes) -> None:
    for number, value in enumerate(values, start=1):
        await cluster.produce(topic, value, headers=headers(number))


class Place:
    """Topics, a group and settings of one test's own."""

    def __init__(self, cluster: Cluster, foundry: Foundry, folder: Path) -> None:
        self.tickets, self.equipment = unique("tickets"), unique("equipment")
        self.group = unique("group")
        self._cluster = cluster
        self.settings = folder / "service.toml"
        self.settings.write_text(
            f"""
            [kafka]
            bootstrap_servers = "{cluster.bootstrap_servers}"
            group_id = "{self.group}"
            session_timeout = 6
            commit_interval = 0.2
            [topics]
            "helpdesk.tickets" = "{self.tickets}"
            "fieldservice.equipment" = "{self.equipment}"
            [foundry]
            hostname = "{foundry.url}"
            ontology = "fieldwork"
            client_id = "{DEFAULT_CLIENT[0]}"
            request_timeout = 5
            [admin]
            port = 0
            """
        )

    async def make_topics(self, *suffixes: str) -> None:
        for topic in (self.tickets, self.equipment):
            for suffix in suffixes:
                await self._cluster.create_topic(f"{topic}{suffix}")

    @asynccontextmanager
    async def command(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process of its own; killed at the end if it is still there."""
        ours = ("KAFKA_", "FOUNDRY_", "CONSUMER_", "OTEL_")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "consumer", *arguments, "--config", str(self.settings)),
            cwd=ROOT,
            env=environment | {"FOUNDRY_CLIENT_SECRET": SECRET},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield child
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()

    async def outcome(self, *arguments: str) -> tuple[int | None, list[dict[str, object]], str]:
        """Exit code, log, and all that was printed, of a run that ends by itself."""
        async with self.command(*arguments) as child:
            output, errors = await child.communicate()
        text = (output + errors).decode()
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return child.returncode, lines, text


@pytest.fixture
async def place(cluster: Cluster, tmp_path: Path) -> AsyncIterator[tuple[Place, Foundry]]:
    async with serve() as foundry:
        yield Place(cluster, foundry, tmp_path), foundry


def said(lines: list[dict[str, object]], what: str) -> list[Mapping[str, object]]:
    return [line for line in lines if line["event"] == what]


async def test_a_run_to_the_end_applies_what_is_right_and_dead_letters_what_is_not(
    cluster: Cluster, place: tuple[Place, Foundry]
) -> None:
    here, foundry = place
    await here.make_topics("", ".dlq")
    await publish(cluster, here.tickets, event(1), event(2, priority="canary-urgent"), event(3))

    code, lines, text = await here.outcome("run", "--until-end", "--timeout", "60")

    assert code == 0, text
    applied = {effect.parameters["ticketId"]: effect for effect in foundry.effects}
    assert applied.keys() == {"T-1", "T-3"}
    assert TRACE in (applied["T-1"].traceparent or "")
    (letter,) = said(lines, "dead letter")
    assert (letter["reason"], letter["topic"], letter["offset"]) == ("invalid", here.tickets, 1)
    (stored,) = await cluster.read_all(f"{here.tickets}.dlq")
    assert TRACE.encode() in (dict(stored.headers).get("traceparent") or b"")
    assert (await cluster.committed(here.group, here.tickets))[0] == 3
    (last,) = said(lines, "stopped")
    counts = {name: last[name] for name in ("applied", "letters", "ignored", "complete")}
    assert counts == {"applied": 2, "letters": 1, "ignored": 0, "complete": True}
    assert "canary" not in text
    assert SECRET not in text


async def test_sigterm_stops_gracefully_with_0_and_leaves_nothing_to_repeat(
    cluster: Cluster, place: tuple[Place, Foundry]
) -> None:
    here, foundry = place
    await here.make_topics("", ".dlq")
    await publish(cluster, here.tickets, event(1))

    async with here.command("run") as child:
        async with asyncio.timeout(60):
            while foundry.effects.total < 1:
                await asyncio.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            _, errors = await child.communicate()

    assert child.returncode == 0, errors.decode()
    code, _, text = await here.outcome("run", "--until-end", "--timeout", "60")
    assert code == 0, text
    assert foundry.effects.total == 1


async def test_a_missing_dead_letter_topic_is_exit_code_1_and_named(
    place: tuple[Place, Foundry],
) -> None:
    here, _ = place
    await here.make_topics("")

    code, _, text = await here.outcome("run")

    assert code == 1
    assert f"{here.tickets}.dlq" in text
    assert "Traceback" not in text


@pytest.mark.slow
async def test_an_end_that_is_not_reached_in_time_is_exit_code_1(
    cluster: Cluster, place: tuple[Place, Foundry]
) -> None:
    here, foundry = place
    await here.make_topics("", ".dlq")
    await publish(cluster, here.tickets, event(1))
    foundry.identity.clients[DEFAULT_CLIENT[0]].secrets.clear()

    code, lines, text = await here.outcome("run", "--until-end", "--timeout", "8")

    assert code == 1, text
    assert said(lines, "the end was not reached")
    assert [line["complete"] for line in said(lines, "stopped")] == [False]
    assert "invalid_client" in text
    assert foundry.effects.total == 0


@pytest.mark.slow
async def test_a_run_to_the_end_ends_though_another_member_takes_a_part_for_good(
    cluster: Cluster, place: tuple[Place, Foundry]
) -> None:
    """Two topics of one partition each: each of the two members has one of them."""
    here, foundry = place
    await here.make_topics("", ".dlq")
    await publish(cluster, here.tickets, event(1))
    secrets = foundry.identity.clients[DEFAULT_CLIENT[0]].secrets
    known = set(secrets)
    secrets.clear()

    async with here.command("run", "--until-end") as first:
        async with asyncio.timeout(60):
            while await cluster.members(here.group) != 1:
                await asyncio.sleep(0.2)
        async with here.command("run") as other:
            async with asyncio.timeout(60):
                while await cluster.members(here.group) != 2:
                    await asyncio.sleep(0.2)
            secrets.update(known)
            async with asyncio.timeout(60):
                _, errors = await first.communicate()
            assert other.returncode is None

    assert first.returncode == 0, errors.decode()
    assert foundry.effects.total == 1
    assert (await cluster.committed(here.group, here.tickets))[0] == 1


async def test_the_doctor_finds_all_well_where_it_is_and_names_the_topic_that_is_not_there(
    place: tuple[Place, Foundry],
) -> None:
    here, _ = place
    await here.make_topics("")

    ill, lines, text = await here.outcome("doctor", "--json")
    await here.make_topics(".dlq")
    well, _, _ = await here.outcome("doctor", "--json")

    assert ill == 1, text
    failed = {line["step"]: line for line in lines if line["level"] == "fail"}
    assert failed.keys() == {f"dead letters {t}.dlq" for t in (here.tickets, here.equipment)}
    assert "create it" in str(failed[f"dead letters {here.tickets}.dlq"]["remedy"])
    assert well == 0
