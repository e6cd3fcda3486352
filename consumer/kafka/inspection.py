"""What `doctor` asks Kafka: no group is joined, no topic is created, and nothing is written."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    NoError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.produce import ProduceRequest

from consumer.errors import StartRefused
from consumer.kafka.client import (
    FetchToken,
    KafkaConfig,
    connection_options,
    no_broker_answers,
)
from consumer.kafka.library import patches
from consumer.kafka.library.inside import ask_broker, client_of, know_topic
from consumer.kafka.logs import quiet_library_logs
from consumer.kafka.retention import letters_gone_first
from consumer.kafka.topics import refuse_missing_topics, refuse_unreadable_topics

TIMEOUT = 15.0
GROUP_TRIES = 10
TRY_AGAIN_AFTER = 0.5
ALL_REPLICAS = -1
T = TypeVar("T")
log = logging.getLogger(__name__)


class Inspector:
    """Connected to Kafka. Each `refuse_...` method returns if all is well, or raises with what is wrong and what to do."""

    def __init__(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        self._consumer = consumer
        self._client = client_of(consumer)
        self._admin = admin

    @property
    def brokers(self) -> int:
        """How many brokers the cluster has."""
        return len(self._client.cluster.brokers())

    async def refuse_unreadable(self, topic: str) -> None:
        """Return if the topic can be read.

        Raises:
            StartRefused: it is missing, or this user may not read it.
        """
        await _bounded(refuse_missing_topics(self._client, [topic]))
        await _bounded(know_topic(self._client, topic))
        await _bounded(refuse_unreadable_topics(self._consumer, [topic]))

    async def refuse_unwritable(self, topic: str) -> None:
        """Return if the topic can be written. Asked with an empty batch: the broker first checks who may write, then
        refuses it as malformed.

        Raises:
            StartRefused: the topic is missing, or this user may not write it.
        """
        await _bounded(refuse_missing_topics(self._client, [topic]))
        await _bounded(know_topic(self._client, topic))
        leader = self._client.cluster.leader_for_partition(TopicPartition(topic, 0))
        if leader is None or leader < 0:
            raise StartRefused(f"topic {topic!r} has no leader now: check the brokers")
        request = ProduceRequest(None, ALL_REPLICAS, int(TIMEOUT * 1000), [(topic, [(0, b"")])])
        answer: Any = await _bounded(self._client.send(leader, request))
        error = for_code(answer.topics[0][1][0][1])
        if error in {TopicAuthorizationFailedError, ClusterAuthorizationFailedError}:
            raise StartRefused(
                f"no WRITE on topic {topic!r}: grant WRITE and DESCRIBE to this service's user"
            )

    async def letters_gone_first(self, letters: Mapping[str, str]) -> Mapping[str, str]:
        """As `retention.letters_gone_first`. Raises nothing."""
        return await letters_gone_first(self._client, letters)

    async def refuse_unreadable_group(self, group_id: str) -> None:
        """Return if the group can be read.

        Raises:
            StartRefused: it has no coordinator, or this user may not read it.
        """
        error = await self._group_error(group_id)
        for _ in range(GROUP_TRIES - 1):
            if not error.retriable:
                break
            # If this is the cluster's first group, its offsets topic is only created now.
            await asyncio.sleep(TRY_AGAIN_AFTER)
            error = await self._group_error(group_id)
        if error is GroupAuthorizationFailedError:
            raise StartRefused(
                f"no READ on group {group_id!r}: grant READ on the group to this service's user"
            )
        if error is not NoError:
            raise StartRefused(f"group {group_id!r} cannot be read: {error.__name__}; try again")

    async def _group_error(self, group_id: str) -> type[KafkaError]:
        try:
            async with asyncio.timeout(TIMEOUT):
                coordinator = await self._admin.find_coordinator(group_id)
                request = OffsetFetchRequest(group_id, None)
                answer: Any = await ask_broker(self._admin, request, coordinator)
        except KafkaError as error:
            return type(error)
        except TimeoutError:
            return KafkaTimeoutError
        return for_code(getattr(answer, "error_code", 0))


@asynccontextmanager
async def inspecting(
    config: KafkaConfig, fetch_token: FetchToken | None = None
) -> AsyncIterator[Inspector]:
    """Connect as the service does.

    Raises:
        StartRefused: no broker answers.
        SettingsError: a certificate cannot be read, or a SASL setting is missing.
    """
    quiet_library_logs()
    patches.patch_library()
    options = connection_options(config, role="-doctor", fetch_token=fetch_token)
    consumer = AIOKafkaConsumer(**options, auto_offset_reset="none", enable_auto_commit=False)
    admin = AIOKafkaAdminClient(**options)
    try:
        try:
            await _bounded(consumer.start(), no_broker_answers(config))
            await _bounded(admin.start(), no_broker_answers(config))
        except KafkaConnectionError as error:
            raise StartRefused(no_broker_answers(config)) from error
        yield Inspector(consumer, admin)
    finally:
        await _end(admin.close(), consumer.stop())


async def _bounded(asked: Awaitable[T], silence: str = "") -> T:
    try:
        async with asyncio.timeout(TIMEOUT):
            return await asked
    except TimeoutError:
        said = silence or f"Kafka did not answer in {TIMEOUT:g} s: try again"
        raise StartRefused(said) from None
    except KafkaConnectionError:
        raise
    except KafkaError as error:
        raise StartRefused(f"Kafka answers {type(error).__name__}: see the brokers' log") from error


async def _end(*closings: Awaitable[None]) -> None:
    """Close all of them, within a bound: with a dead broker the library's own closing may wait for ever."""
    tasks = [asyncio.ensure_future(closing) for closing in closings]
    _, late = await asyncio.wait(tasks, timeout=TIMEOUT)
    for task in tasks:
        if task in late:
            task.cancel()
        elif not task.cancelled() and task.exception() is not None:
            log.warning("the Kafka client did not close cleanly")
