"""The dead-letter topics: a letter counts as written only when all in-sync replicas have acknowledged it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from consumer.errors import LetterTooLarge, Reason, SettingsError, StartRefused, Unavailable
from consumer.kafka.client import (
    FetchToken,
    KafkaConfig,
    connection_options,
    no_broker_answers,
)
from consumer.kafka.letter_headers import Header, letter_headers, null_value
from consumer.kafka.library import patches
from consumer.kafka.library.endings import end_producer, release_waiting
from consumer.kafka.logs import fields, quiet_library_logs
from consumer.kafka.retention import REMEDY, letters_gone_first
from consumer.kafka.topics import refuse_missing_topics
from consumer.model import Letter

log = logging.getLogger(__name__)

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
WRITE_TIMEOUT = 30.0
START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0
MAX_REQUEST_BYTES = 64 * 2**20
"""So high that the topic's own limit decides."""
BATCH_OVERHEAD = 100
"""Bytes of a batch of one record besides its key, value and headers; a generous estimate."""
HEADER_OVERHEAD = 12

AT_ONCE = 400
"""Most letters handed to the producer at once: each that waits in it for room is woken for every batch sent."""
BATCH_BYTES = 2**17

Coordinates = tuple[str, int, int, Reason]


class KafkaDeadLetters:
    """`consumer.ports.DeadLetters`. `async with` connects and disconnects.

    Raises on entering:
        StartRefused: no broker answers, a topic is missing, or no topic may be written.
        SettingsError: a certificate cannot be read, or a SASL setting is missing.
    """

    def __init__(
        self,
        config: KafkaConfig,
        topics: Collection[str],
        *,
        template: str,
        beside: Collection[str] = (),
        fetch_token: FetchToken | None = None,
    ) -> None:
        """`beside`: other topics that the start needs, so that all missing ones are named in one go."""
        self._config = config
        self._template = template
        self._letters = {topic: letter_topic(template, topic) for topic in topics}
        self._topics = set(self._letters.values())
        self._beside = beside
        self._fetch_token = fetch_token
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._alone = asyncio.Lock()
        self._under_way: dict[Coordinates, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        quiet_library_logs()
        patches.patch_library()
        try:
            producer = await self._connected()
            await refuse_missing_topics(producer.client, {*self._topics, *self._beside})
            await self._warn_of_retention(producer)
        except Unavailable as error:
            raise StartRefused(no_broker_answers(self._config)) from error
        except ClusterAuthorizationFailedError as error:
            # The broker's answer to a user who may not write to any topic at all.
            topics = ", ".join(map(repr, sorted(self._topics)))
            raise StartRefused(
                f"dead letters: no WRITE on any topic: grant WRITE and DESCRIBE on {topics} to this service's user"
            ) from error
        except BaseException:
            await self._disconnect()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for write in self._under_way.values():
            write.cancel()
        await self._disconnect()

    async def write(self, letter: Letter) -> None:
        """As `DeadLetters.write`; bounded by half a minute.

        A write that is not acknowledged in time goes on: the library keeps sending it. Called again for the same
        letter, this waits for that write, so that an outage leaves one letter and not one for each attempt.
        """
        record = letter.record
        coordinates = (record.topic, record.partition, record.offset, letter.reason)
        write = self._under_way.get(coordinates)
        if write is None:
            write = asyncio.create_task(self._write(letter), name="kafka-letter")
            self._under_way[coordinates] = write
            write.add_done_callback(lambda _: self._under_way.pop(coordinates, None))
        done, _ = await asyncio.wait({write}, timeout=WRITE_TIMEOUT)
        if not done:
            topic = letter_topic(self._template, record.topic)
            raise Unavailable(
                f"dead letter not acknowledged in {WRITE_TIMEOUT:g} s by topic {topic!r}: check that it exists,"
                " that this user may write to it, and that its replicas are in sync"
            )
        if write.cancelled():
            raise Unavailable("dead letter not acknowledged: the producer is closed")
        write.result()

    async def _warn_of_retention(self, producer: AIOKafkaProducer) -> None:
        for topic, why in (await letters_gone_first(producer.client, self._letters)).items():
            said = fields(topic=topic, why=why, remedy=REMEDY)
            log.warning("letters are gone before their records", extra=said)

    async def _write(self, letter: Letter) -> None:
        topic = letter_topic(self._template, letter.record.topic)
        now = datetime.now(UTC)
        try:
            try:
                async with self._places:
                    await self._send(topic, letter, letter_headers(letter, now))
            except TOO_LARGE:
                async with self._all_places():
                    await self._write_alone(topic, letter, now)
        except (KafkaError, SettingsError) as error:  # a certificate is gone since the start
            raise Unavailable(f"dead letter not written to {topic!r}: {error!r}") from error

    async def _write_alone(self, topic: str, letter: Letter, now: datetime) -> None:
        """Send it in a batch of its own, as the size limit is on batches; if need be without its details.

        Raises:
            LetterTooLarge: it is refused even so.
        """
        with contextlib.suppress(*TOO_LARGE):
            await self._send(topic, letter, letter_headers(letter, now))
            return
        headers = letter_headers(letter, now, details=False)
        try:
            await self._send(topic, letter, headers)
        except TOO_LARGE:
            size = letter_size(letter, headers)
            raise LetterTooLarge(
                f"dead letter too large: topic {topic!r} needs max.message.bytes={size};"
                " set that, or skip the offset, which leaves a letter without its content"
            ) from None

    @contextlib.asynccontextmanager
    async def _all_places(self) -> AsyncIterator[None]:
        """Meanwhile nobody else sends."""
        async with self._alone:
            taken = 0
            try:
                while taken < AT_ONCE:
                    await self._places.acquire()
                    taken += 1
                yield
            finally:
                for _ in range(taken):
                    self._places.release()

    async def _send(self, topic: str, letter: Letter, headers: list[Header]) -> None:
        producer = await self._connected()
        try:
            # Keyed letters go by their key, others anywhere, as the default partitioner does it.
            await producer.send_and_wait(
                topic, null_value(letter), letter.record.key, headers=headers
            )
        except KafkaError:
            # A refused batch leaves a gap in the idempotent producer's sequence, and every later batch is refused for it.
            if self._producer is producer:
                await self._disconnect()
            raise

    async def _connected(self) -> AIOKafkaProducer:
        """The producer, connected.

        Raises:
            Unavailable: no broker answers.
        """
        async with self._starting:
            if self._producer is not None:
                return self._producer
            producer = AIOKafkaProducer(**self._options())
            try:
                async with asyncio.timeout(START_TIMEOUT):
                    await producer.start()
            except BaseException as error:
                await _end(producer)
                if isinstance(error, (KafkaConnectionError, TimeoutError)):
                    raise Unavailable(
                        f"no broker answers the dead-letter producer: {error!r}"
                    ) from error
                raise
            self._producer = producer
            return producer

    def _options(self) -> dict[str, Any]:
        return connection_options(self._config, role="-letters", fetch_token=self._fetch_token) | {
            "acks": "all",
            "enable_idempotence": True,
            # What was small at its source, being compressed, must not be too large here; every reader knows gzip.
            "compression_type": "gzip",
            "max_request_size": MAX_REQUEST_BYTES,
            "max_batch_size": BATCH_BYTES,
        }

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer)


def letter_topic(template: str, topic: str) -> str:
    """The dead-letter topic of a source topic."""
    return template.replace("{topic}", topic)


def letter_size(letter: Letter, headers: list[Header]) -> int:
    """Bytes of the letter's batch before compression, estimated high: what `max.message.bytes` has to allow."""
    record = letter.record
    size = len(record.key or b"") + len(record.value or b"") + BATCH_OVERHEAD
    return size + sum(
        len(name.encode()) + len(value or b"") + HEADER_OVERHEAD for name, value in headers
    )


async def _end(producer: AIOKafkaProducer) -> None:
    try:
        await _stop(producer)
    finally:
        release_waiting(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    """The library's own waits without a limit for what it cannot send."""
    stop = asyncio.create_task(producer.stop(), name="kafka-letters-stop")
    await asyncio.wait({stop}, timeout=STOP_TIMEOUT)
    if stop.done() and not stop.cancelled() and stop.exception() is None:
        return
    log.warning("the dead-letter producer did not close cleanly")
    stop.cancel()
    with contextlib.suppress(asyncio.CancelledError, KafkaError):
        await stop
    await end_producer(producer)
