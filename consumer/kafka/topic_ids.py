"""Which topic a name stands for: one that is deleted and created again has the same name, but other records.

Topic ids are KIP-516; brokers before Kafka 2.8 have none. The library uses a version of the Metadata request
without ids, so this has its own, version 10: https://kafka.apache.org/protocol#The_Messages_Metadata.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from io import BytesIO
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from consumer.kafka.library.inside import client_of
from consumer.kafka.library.patches import tell_of_refreshes
from consumer.kafka.logs import fields
from consumer.ports import Clock

log = logging.getLogger(__name__)

ASK_EVERY = 5.0
"""Seconds for which a topic that is created anew may be read unnoticed, if there is no sign of it."""
ASK_AGAIN_AFTER = 1.0
CALM = 1.0
ANSWER_WITHIN = 5.0
UNKNOWN_AGAIN_AFTER = 0.2
UNKNOWN_TIMES = 10
"""The broker that was asked may lag behind; so many times it is asked again, or another one is."""
_ZERO: Final = bytes(16)


class _Id(AbstractType[bytes]):
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


class _Answer(Response):
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Id),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _Id), ("topic", CompactString("utf-8")), ("tags", TaggedFields)
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("cluster_operations", Boolean),
        ("topic_operations", Boolean),
        ("tags", TaggedFields),
    )


class TopicIdsRequest(Request[_Question]):
    """Asks for the metadata of these topics, ids included, without creating any."""

    API_KEY = 3

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = sorted(topics)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        wanted: list[Any] = [(_ZERO, topic, {}) for topic in self._topics]
        return request_struct_class(wanted, False, False, False, {})  # noqa: FBT003 - fields of the protocol, in its order


async def topic_ids(consumer: AIOKafkaConsumer, topics: Collection[str]) -> dict[str, str | None]:
    """The id of each topic, as Kafka writes it; None: there is no such topic now. Without topics that have no id.

    Raises:
        KafkaError: no broker answers.
    """
    client = client_of(consumer)
    try:
        answer = await client.send(client.get_random_node(), TopicIdsRequest(topics))
    except NotImplementedError:
        return {}  # the broker is too old for topic ids
    found: dict[str, str | None] = {}
    for code, topic, topic_id, *_ in answer.topics:
        if code == UnknownTopicOrPartitionError.errno:
            found[topic] = None
        elif code == 0 and topic_id != _ZERO:
            found[topic] = urlsafe_b64encode(topic_id).rstrip(b"=").decode()
    return found


class TopicWatch:
    """Checks that each name still stands for the same topic as when the session began.

    It asks from time to time, and at once on a sign: the library wants new metadata when a broker does not know a
    partition. Until there is an answer the topics are `doubted`. While a broker is away signs come in floods, so they
    are ignored for a moment after each answer, or nothing would be read from the other brokers.
    """

    def __init__(self, consumer: AIOKafkaConsumer, clock: Clock) -> None:
        self._consumer = consumer
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._signs = 0
        self._calm_until = 0.0
        self._asked_again = False
        self._ask_at = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._unanswered = False
        self.doubted = False
        self.faults: Mapping[str, str] = {}
        """By topic: why nothing more of it may be read."""
        tell_of_refreshes(consumer, self.doubt)

    async def begin(self, topics: Collection[str]) -> Mapping[str, str | None]:
        """A session begins: the id of each of these topics now; None: no broker that was asked knows it.

        Raises:
            KafkaError: no broker answers.
        """
        found = await topic_ids(self._consumer, topics) if topics else {}
        for _ in range(UNKNOWN_TIMES):
            if None not in found.values():
                break
            await asyncio.sleep(UNKNOWN_AGAIN_AFTER)
            found = await topic_ids(self._consumer, topics)
        self._ids = {topic: id_ for topic, id_ in found.items() if id_ is not None}
        self._settle(found)
        self._calm_until = 0.0
        return found

    def doubt(self) -> None:
        """Something has changed: ask at once, and hand out nothing until there is an answer."""
        if self._clock.now() < self._calm_until:
            self._ask_at = min(self._ask_at, self._calm_until)
            return
        self._signs += 1
        self.doubted = bool(self._ids)
        self._ask_at = 0.0

    def look(self) -> None:
        """Ask, if it is time to. Costs nothing otherwise."""
        if self._asking is None and self._ids and self._ask_at <= self._clock.now():
            self._asking = asyncio.create_task(self._ask(dict(self._ids)), name="kafka-topic-ids")

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self, ids: dict[str, str]) -> None:
        signs = self._signs
        try:
            # One broker that hangs must not hold back the records of the others for long.
            async with asyncio.timeout(ANSWER_WITHIN):
                found = await topic_ids(self._consumer, ids)
        except (KafkaError, TimeoutError) as error:
            if not self._unanswered:  # logged once, not every second while the brokers are away
                log.warning("topic ids not read", extra=fields(cause=repr(error)))
            self._unanswered = True
            self._ask_at = self._clock.now() + ASK_AGAIN_AFTER
        else:
            if self._unanswered:
                log.info("topic ids read again")
            self._unanswered = False
            # If a sign came while this was asked, the answer may be from before it: ask again, but only once.
            self._asked_again = signs != self._signs and not self._asked_again
            if ids == self._ids and not self._asked_again:
                self._settle(found)
        finally:
            self._asking = None

    def _settle(self, found: Mapping[str, str | None]) -> None:
        now = self._clock.now()
        self._calm_until = now + CALM if self.doubted else 0.0
        self._ask_at = now + ASK_EVERY
        self.doubted = self._asked_again = False
        self.faults = {
            topic: _fault(self._ids[topic], id_)
            for topic, id_ in found.items()
            if topic in self._ids and id_ != self._ids[topic]
        }


def _fault(then: str, now: str | None) -> str:
    if now is None:
        return "its topic is gone: it was deleted, or this user may no longer see it"
    return (
        f"its topic was recreated: its id was {then} and is now {now}, so the new topic would be read from the "
        "middle; stop the group, and set its offset to where it should continue "
        "(kafka-consumer-groups --reset-offsets)"
    )
