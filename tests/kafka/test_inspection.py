"""What `doctor` asks of a real broker: right answers, and nothing left behind."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from consumer.errors import StartRefused
from consumer.kafka import inspection
from consumer.kafka.client import KafkaConfig
from consumer.kafka.inspection import Inspector, inspecting
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster, unique
from tests.kafka.member import config

pytestmark = NEEDS_BROKER

OFFSETS_TOPIC = "__consumer_offsets"
TOPIC, GROUP = 2, 3
READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS = 3, 4, 8, 10
LITERAL, ALLOW = 3, 3


async def test_what_is_there_is_readable_and_writable_and_nothing_is_written(
    cluster: Cluster,
) -> None:
    topic, letters = await cluster.create_topic(), await cluster.create_topic()
    before = await cluster.topics()
    kafka = config(cluster.bootstrap_servers)

    async with inspecting(kafka) as inspector:
        brokers = inspector.brokers
        await inspector.refuse_unreadable(topic)
        await inspector.refuse_unwritable(letters)
        await inspector.refuse_unreadable_group(kafka.group_id)

    assert brokers == 1
    assert await cluster.read_all(letters) == []
    assert await cluster.topics() <= before | {topic, letters, OFFSETS_TOPIC}


async def test_a_missing_topic_is_refused_and_not_made(cluster: Cluster) -> None:
    missing = unique("missing")

    async with inspecting(config(cluster.bootstrap_servers)) as inspector:
        with pytest.raises(StartRefused, match=f"{missing}.*does not exist"):
            await inspector.refuse_unreadable(missing)
        with pytest.raises(StartRefused, match=f"{missing}.*does not exist"):
            await inspector.refuse_unwritable(missing)

    assert missing not in await cluster.topics()


async def test_a_topic_that_goes_while_it_is_looked_at_is_a_finding_and_no_bug(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def there(*_: object) -> None:
        """It was, when it was asked for first."""

    monkeypatch.setattr(inspection, "refuse_missing_topics", there)
    monkeypatch.setattr(inspection, "TIMEOUT", 1.0)
    gone = unique("gone")

    async with inspecting(config(cluster.bootstrap_servers)) as inspector:
        with pytest.raises(StartRefused):
            await inspector.refuse_unreadable(gone)
        with pytest.raises(StartRefused):
            await inspector.refuse_unwritable(gone)


async def test_no_broker_is_refused_by_its_address() -> None:
    with pytest.raises(StartRefused, match=r"127\.0\.0\.1:1"):
        async with inspecting(config("127.0.0.1:1")):
            pass


async def test_a_broker_that_says_nothing_is_refused_by_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A firewall that swallows, or a port of something else."""
    monkeypatch.setattr(inspection, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(StartRefused, match=f"{server}: check kafka.bootstrap_servers"):
            async with inspecting(config(server)):
                pass


class Guarded:
    """A broker that grants nobody anything: the tests' own user is over it all, `doctor` begins with nothing."""

    def __init__(self, servers: str, sasl_servers: str) -> None:
        self.cluster = Cluster(servers)
        self._servers = servers
        self._sasl_servers = sasl_servers

    async def grant(self, kind: int, name: str, operation: int) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        await admin.start()
        try:
            request = CreateAclsRequest(kind, name, LITERAL, "User:doctor", "*", operation, ALLOW)
            answer: Any = await admin._send_request(request)
            assert answer.creation_responses[0][0] == 0, f"no grant: {answer}"
        finally:
            await admin.close()

    @contextlib.asynccontextmanager
    async def inspector(self) -> AsyncIterator[tuple[Inspector, KafkaConfig]]:
        kafka = config(
            self._sasl_servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_username="doctor",
            sasl_password="pw",  # noqa: S106 - the test's own broker
        )
        async with inspecting(kafka) as inspector:
            yield inspector, kafka


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        sasl = f"127.0.0.1:{free.getsockname()[1]}"
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_doctor="pw";'
    properties = {
        "listeners": f"SASL_PLAINTEXT://{sasl}",
        "listener.security.protocol.map": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
        ),
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": login,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    with Broker(tmp_path_factory.mktemp("guarded"), properties=properties) as broker:
        yield Guarded(broker.bootstrap_servers, sasl)


async def test_each_grant_that_is_missing_is_named_and_is_no_more_missing_once_given(
    guarded: Guarded,
) -> None:
    topic = await guarded.cluster.create_topic()
    await guarded.cluster.commit_alone(unique("other"), {(topic, 0): 0})

    async with guarded.inspector() as (inspector, _):
        with pytest.raises(StartRefused, match=f"{topic}.*grant DESCRIBE"):
            await inspector.refuse_unreadable(topic)

    await guarded.grant(TOPIC, topic, DESCRIBE)
    async with guarded.inspector() as (inspector, kafka):
        with pytest.raises(StartRefused, match=f"no READ on topic '{topic}'"):
            await inspector.refuse_unreadable(topic)
        with pytest.raises(StartRefused, match=f"no WRITE on topic '{topic}'"):
            await inspector.refuse_unwritable(topic)
        with pytest.raises(StartRefused, match=f"no READ on group '{kafka.group_id}'"):
            await inspector.refuse_unreadable_group(kafka.group_id)

    await guarded.grant(TOPIC, topic, READ)
    await guarded.grant(TOPIC, topic, WRITE)
    async with guarded.inspector() as (inspector, kafka):
        await guarded.grant(GROUP, kafka.group_id, READ)
        await inspector.refuse_unreadable(topic)
        await inspector.refuse_unwritable(topic)
        await inspector.refuse_unreadable_group(kafka.group_id)


async def test_how_long_letters_are_kept_is_not_told_to_who_may_not_ask(guarded: Guarded) -> None:
    """The grant is for this warning alone: without it nothing is amiss."""
    topic = await guarded.cluster.create_topic(retention_ms="-1")
    letters = await guarded.cluster.create_topic(retention_ms="3600000")
    for each in (topic, letters):
        await guarded.grant(TOPIC, each, DESCRIBE)

    async with guarded.inspector() as (inspector, _):
        before = await inspector.letters_gone_first({topic: letters})
        for each in (topic, letters):
            await guarded.grant(TOPIC, each, DESCRIBE_CONFIGS)
        after = await inspector.letters_gone_first({topic: letters})

    assert before == {}
    assert list(after) == [letters]


async def test_a_wrong_password_is_refused(guarded: Guarded) -> None:
    kafka = config(
        guarded._sasl_servers,
        security_protocol="SASL_PLAINTEXT",
        sasl_username="doctor",
        sasl_password="canary-wrong",  # noqa: S106 - as above
    )

    with pytest.raises(StartRefused, match=r"security_protocol") as caught:
        async with inspecting(kafka):
            pass

    assert "canary" not in str(caught.value)
