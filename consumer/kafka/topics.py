"""Do the topics exist, and may they be read? Asked without creating any."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from consumer.errors import StartRefused
from consumer.kafka.library.inside import fetch_raw

TRIES = 5
TRY_AGAIN_AFTER = 0.3
NOT_YET = frozenset({UnknownTopicOrPartitionError.errno, LeaderNotAvailableError.errno})
"""A topic that was created a moment ago is not known to all brokers at once."""


async def refuse_missing_topics(client: AIOKafkaClient, topics: Collection[str]) -> None:
    """Return if all these topics exist.

    Raises:
        StartRefused: some do not, or are not visible to this user; all of those are named.
    """
    codes = await _codes(client, topics)
    for _ in range(TRIES - 1):
        if not NOT_YET & set(codes.values()):
            break
        await asyncio.sleep(TRY_AGAIN_AFTER)
        codes = await _codes(client, topics)
    faults = [_fault(topic, code) for topic, code in sorted(codes.items()) if code]
    if faults:
        raise StartRefused("; ".join(faults))


async def refuse_unreadable_topics(consumer: AIOKafkaConsumer, topics: Collection[str]) -> None:
    """Return if this user may read all these topics.

    Raises:
        StartRefused: one may be seen, but not read.
    """
    for topic in sorted(topics):
        try:
            await fetch_raw(consumer, TopicPartition(topic, 0), 0, 1)
        except TopicAuthorizationFailedError:
            raise StartRefused(
                f"no READ on topic {topic!r}: grant READ and DESCRIBE to this service's user"
            ) from None
        except KafkaError:
            continue  # out of range, or no leader now: nothing to do with access


async def _codes(client: AIOKafkaClient, topics: Collection[str]) -> Mapping[str, int]:
    node = client.get_random_node()
    request = MetadataRequest(sorted(topics), allow_auto_topic_creation=False)
    try:
        answer: Any = await client.send(node, request)
    except KafkaError as error:
        raise StartRefused(
            f"no broker says which topics there are ({type(error).__name__}): check the brokers, and try again"
        ) from error
    return {topic: code for code, topic, *_ in answer.topics}


def _fault(topic: str, code: int) -> str:
    error = for_code(code)
    if error is UnknownTopicOrPartitionError:
        return f"topic {topic!r} does not exist, or this user may not see it: create it, or grant DESCRIBE"
    if error is TopicAuthorizationFailedError:
        return f"no access to topic {topic!r}: grant DESCRIBE to this service's user"
    return f"topic {topic!r} cannot be used now ({error.message}): check the brokers, and try again"
