"""Logins, grants and certificates on a real broker that asks for them."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from consumer.errors import StartRefused, Unavailable
from consumer.kafka.client import KafkaConfig
from consumer.kafka.deadletters import KafkaDeadLetters
from consumer.kafka.source import KafkaSource
from consumer.model import Letter, Partition, PlainRecord
from consumer.store import Commit, CommitResult
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster, unique
from tests.kafka.certificate import self_signed
from tests.kafka.member import BootClock, Member, Told, config, joined, polling

pytestmark = NEEDS_BROKER

TOPIC, GROUP = 2, 3
READ, WRITE, DESCRIBE = 3, 4, 8
LITERAL, ALLOW = 3, 3
CANARY = "canary-7f3a"
"""A password that no log may hold."""


@dataclass
class Guarded:
    cluster: Cluster
    sasl: str
    tls: str
    ca_file: Path

    async def grant(self, kind: int, name: str, operation: int, user: str = "service") -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap_servers)
        await admin.start()
        try:
            request = CreateAclsRequest(kind, name, LITERAL, f"User:{user}", "*", operation, ALLOW)
            answer: Any = await admin._send_request(request)
            assert answer.creation_responses[0][0] == 0, f"no grant: {answer}"
        finally:
            await admin.close()

    def config(self, **changes: Any) -> KafkaConfig:
        login = {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": "service",
            "sasl_password": CANARY,
        }
        return config(self.sasl, **(login | changes))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    ca_file = self_signed(folder)
    sasl, tls = (f"127.0.0.1:{port}" for port in _free_ports())
    plain = (
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_service="{CANARY}" '
        f'user_reader="{CANARY}";'
    )
    bearer = (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
        'unsecuredLoginStringClaim_sub="broker";'
    )
    properties = {
        "listeners": f"SASL_PLAINTEXT://{sasl},SSL://{tls}",
        "listener.security.protocol.map": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL"
        ),
        "sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": plain,
        "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config": bearer,
        "listener.name.ssl.ssl.keystore.type": "PEM",
        "listener.name.ssl.ssl.keystore.location": str(folder / "server.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    with Broker(folder / "data", properties=properties) as broker:
        yield Guarded(Cluster(broker.bootstrap_servers), sasl, tls, ca_file)


async def granted(guarded: Guarded, kafka: KafkaConfig) -> str:
    """A topic that the service may read, in its group."""
    topic = await guarded.cluster.create_topic()
    await guarded.grant(TOPIC, topic, READ)
    await guarded.grant(GROUP, kafka.group_id, READ)
    return topic


async def test_a_user_with_its_grants_reads_and_commits(guarded: Guarded) -> None:
    kafka = guarded.config()
    topic = await granted(guarded, kafka)
    await guarded.cluster.produce(topic, b"v")
    partition = Partition(topic, 0)

    async with joined(kafka, topic) as member:
        (record,) = await member.take(1)
        results = await member.source.commit(member.told.session, {partition: Commit(1, "")})

    assert record.value == b"v"
    assert results == {partition: CommitResult.STORED}


async def test_a_wrong_password_is_refused_and_appears_in_no_log(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG the library writes whole login requests."""
    caplog.set_level(logging.DEBUG)
    kafka = guarded.config(sasl_password=f"wrong-{CANARY}")

    with pytest.raises(StartRefused, match="no broker answers") as refused:
        async with joined(kafka, "topic"):
            pass

    assert any(record.name.startswith("aiokafka") for record in caplog.records)
    assert CANARY not in caplog.text
    assert CANARY not in str(refused.value) + repr(kafka)


async def test_a_topic_that_the_user_may_not_see_is_named(guarded: Guarded) -> None:
    topic = await guarded.cluster.create_topic()

    with pytest.raises(StartRefused, match=rf"no access to topic '{topic}': grant DESCRIBE"):
        async with joined(guarded.config(), topic):
            pass


async def test_a_topic_that_the_user_may_see_and_not_read_is_named(guarded: Guarded) -> None:
    kafka = guarded.config()
    topic = await guarded.cluster.create_topic()
    await guarded.grant(TOPIC, topic, DESCRIBE)
    await guarded.grant(GROUP, kafka.group_id, READ)

    with pytest.raises(StartRefused, match=rf"'{topic}'.*grant READ|'{kafka.group_id}'"):
        async with joined(kafka, topic):
            pass


async def test_a_group_that_the_user_may_not_use_is_named(guarded: Guarded) -> None:
    kafka = guarded.config()
    topic = await guarded.cluster.create_topic()
    await guarded.grant(TOPIC, topic, READ)

    with pytest.raises(StartRefused, match=rf"group '{kafka.group_id}'.*grant READ"):
        async with joined(kafka, topic):
            pass


async def test_whoever_may_write_no_topic_is_told_so_at_the_start(guarded: Guarded) -> None:
    """The broker gives such a user no producer, whatever it asks for."""
    kafka = guarded.config(sasl_username="reader")

    with pytest.raises(StartRefused, match=r"grant WRITE and DESCRIBE on 'orders\.dlq'"):
        async with KafkaDeadLetters(kafka, ["orders"], template="{topic}.dlq"):
            pass


async def test_letters_that_may_not_be_written_wait_until_they_may(guarded: Guarded) -> None:
    """A letter that was refused is not lost, nor is anything done with it that only a new start mends."""
    topic = unique("orders")
    letters = await guarded.cluster.create_topic(f"{topic}.dlq")
    await guarded.grant(TOPIC, letters, DESCRIBE)
    await guarded.grant(TOPIC, await guarded.cluster.create_topic(), WRITE)
    letter = Letter(PlainRecord(topic, 0, 0, 5, 0, value=b"v"), "invalid", "no title", "validate")

    async with KafkaDeadLetters(guarded.config(), [topic], template="{topic}.dlq") as writer:
        with pytest.raises(Unavailable, match=f"{letters}.*TopicAuthorizationFailed"):
            await writer.write(letter)
        await guarded.grant(TOPIC, letters, WRITE)
        await writer.write(letter)

    (written,) = await guarded.cluster.read_all(letters)
    assert written.value == b"v"


async def test_tls_needs_the_right_authority(guarded: Guarded) -> None:
    topic = await guarded.cluster.create_topic()
    known = config(guarded.tls, security_protocol="SSL", ssl_cafile=str(guarded.ca_file))
    unknown = config(guarded.tls, security_protocol="SSL")

    async with joined(known, topic) as member:
        assert member.told.committed.keys() == {Partition(topic, 0)}
    with pytest.raises(StartRefused, match="no broker answers"):
        async with joined(unknown, topic):
            pass


async def test_a_token_that_the_broker_refuses_is_a_failed_login(
    guarded: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    """The library takes the refusal for a login, and every request after it fails without saying why."""

    async def fetch_token(_: str) -> str:
        return _token("service", lives=-60)

    kafka = guarded.config(sasl_mechanism="OAUTHBEARER")
    source = KafkaSource(kafka, ["topic"], BootClock(), fetch_token=fetch_token)
    try:
        with pytest.raises(StartRefused, match="no broker answers"):
            await source.join(Told())
    finally:
        await source.close(leave=True)

    assert "the broker refuses the token" in caplog.text
    assert "invalid_token" in caplog.text


async def test_a_token_that_cannot_be_had_for_a_while_ends_nothing(guarded: Guarded) -> None:
    """Anything but the library's own errors would end its metadata task, silently and for good."""
    kafka = guarded.config(sasl_mechanism="OAUTHBEARER")
    topic = await granted(guarded, kafka)
    outage = asyncio.Event()
    asked: list[bool] = []

    async def fetch_token(_: str) -> str:
        asked.append(outage.is_set())
        if outage.is_set():
            raise ValueError(CANARY)
        return _token("service")

    told = Told()
    source = KafkaSource(kafka, [topic], BootClock(), fetch_token=fetch_token)
    try:
        await source.join(told)
        member = Member(source, told, kafka)
        async with polling(member):
            outage.set()
            client: Any = source._consumer._client  # type: ignore[union-attr]  # joined
            for connection in list(client._conns.values()):
                connection.close()
            async with asyncio.timeout(10):
                while asked.count(True) < 3:
                    await asyncio.sleep(0.05)
            outage.clear()
        await guarded.cluster.produce(topic, b"after the outage")
        (record,) = await member.take(1)
        task_ended = client._sync_task.done()
    finally:
        await source.close(leave=True)

    assert record.value == b"after the outage"
    assert not task_ended


def _token(user: str, lives: float = 600) -> str:
    """A token of nobody's, as this broker takes it."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": user, "iat": now - 120, "exp": now + lives})
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return ".".join(text.decode() for text in texts) + "."


def _free_ports() -> list[int]:
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
