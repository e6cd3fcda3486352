"""Letters that would be gone before the records that they are made of are told of, and keep nobody from the start."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion

from consumer.app.configs import foundry_config, kafka_config
from consumer.doctor import Finding, diagnose
from consumer.kafka.deadletters import KafkaDeadLetters
from consumer.kafka.inspection import inspecting
from consumer.kafka.retention import letters_gone_first
from consumer.settings import load_settings
from tests.app.programs import scrubbed, written
from tests.broker import NEEDS_BROKER, Cluster, unique
from tests.kafka.member import config

pytestmark = NEEDS_BROKER

HOUR = 3_600_000


def kept(hours: int) -> dict[str, str]:
    return {"retention_ms": str(hours * HOUR)}


FOR_EVER = {"retention_ms": "-1"}
COMPACTED = {"cleanup_policy": "compact", **kept(1)}


async def pair(cluster: Cluster, source: dict[str, str], letters: dict[str, str]) -> str:
    topic = await cluster.create_topic(unique("orders"), partitions=1, **source)
    await cluster.create_topic(f"{topic}.dlq", partitions=1, **letters)
    return topic


@pytest.mark.parametrize(
    ("source", "letters", "told"),
    [
        (kept(48), kept(24), "for 24 h, .* for 48 h"),
        (FOR_EVER, kept(24), "for 24 h, .* for ever"),
        (kept(24), kept(24), None),
        (kept(24), FOR_EVER, None),
        (FOR_EVER, FOR_EVER, None),
        (COMPACTED, kept(24), None),
        (kept(24), COMPACTED, None),
    ],
)
async def test_letters_that_are_kept_for_a_shorter_time_are_told_of(
    source: dict[str, str], letters: dict[str, str], told: str | None, cluster: Cluster
) -> None:
    """What is compacted has no end by time."""
    topic = await pair(cluster, source, letters)

    async with inspecting(config(cluster.bootstrap_servers)) as inspector:
        found = await inspector.letters_gone_first({topic: f"{topic}.dlq"})

    assert list(found) == ([] if told is None else [f"{topic}.dlq"])
    assert told is None or re.search(told, found[f"{topic}.dlq"])


class Answers:
    """A client whose broker tells this of each topic."""

    def __init__(self, told: list[tuple[str, str | None]] | Exception) -> None:
        self._told = told
        self.resources: list[Any] = []

    def get_random_node(self) -> int:
        return 1

    async def send(self, _node: int, _request: object) -> Answers:
        if isinstance(self._told, Exception):
            raise self._told
        self.resources = [(0, None, 2, topic, self._told) for topic in ("orders", "orders.dlq")]
        return self


@pytest.mark.parametrize(
    "told",
    [
        [],
        [("cleanup.policy", None), ("retention.ms", None)],
        [("cleanup.policy", "delete")],
        [("cleanup.policy", "delete"), ("retention.ms", "")],
        IncompatibleBrokerVersion("too old"),
        NotImplementedError("too old"),
    ],
    ids=str,
)
async def test_brokers_of_another_make_may_tell_less(
    told: list[tuple[str, str | None]] | Exception,
) -> None:
    client: AIOKafkaClient = Answers(told)  # type: ignore[assignment]  # as much of one as is asked

    assert await letters_gone_first(client, {"orders": "orders.dlq"}) == {}


async def test_the_start_says_so_in_one_line(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    short = await pair(cluster, kept(48), kept(24))
    well = await pair(cluster, kept(24), kept(48))
    kafka = config(cluster.bootstrap_servers)

    async with KafkaDeadLetters(kafka, [short, well], template="{topic}.dlq"):
        pass

    (line,) = (each for each in caplog.records if "gone before" in each.getMessage())
    assert line.levelno == logging.WARNING
    assert line.__dict__["fields"]["topic"] == f"{short}.dlq"


async def test_doctor_warns_of_it(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrubbed(monkeypatch)
    short = await pair(cluster, kept(48), kept(24))
    well = await pair(cluster, kept(24), kept(48))
    told = written(tmp_path, int(cluster.bootstrap_servers.rpartition(":")[2]))
    with told.open("a") as file:
        file.write(
            f'[topics]\n"helpdesk.tickets" = "{short}"\n"fieldservice.equipment" = "{well}"\n'
        )
    settings = load_settings(told)
    heard: list[Finding] = []

    await diagnose(settings, kafka_config(settings), foundry_config(settings), heard.append)

    found = {
        topic: [each for each in heard if each.step == f"dead letters {topic}.dlq"]
        for topic in (short, well)
    }
    assert [each.level for each in found[short]] == ["ok", "warn"]
    assert "retention.ms" in found[short][1].remedy
    assert [each.level for each in found[well]] == ["ok"]
