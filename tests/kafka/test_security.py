"""Logins, grants and certificates on a real broker that asks for them."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from typing import Any

import pytest

from consumer.errors import StartRefused, Unavailable
from consumer.kafka.deadletters import KafkaDeadLetters
from consumer.kafka.source import KafkaSource
from consumer.model import Letter, Partition, PlainRecord
from consumer.store import Commit, CommitResult
from tests.broker import NEEDS_BROKER, unique
from tests.kafka.guarded import CANARY, DESCRIBE, GROUP, READ, TOPIC, WRITE, Guarded, granted
from tests.kafka.member import BootClock, Member, Told, config, joined, polling

pytestmark = NEEDS_BROKER


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

    with pytest.raises(StartRefused, match="no Kafka broker answers") as refused:
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
    with pytest.raises(StartRefused, match="no Kafka broker answers"):
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
        with pytest.raises(StartRefused, match="no Kafka broker answers"):
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
