"""What the library leaves undone where its own `stop()` fails or is cut short."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import (
    ProducerClosed,
)

from consumer.kafka.library.inside import client_of


async def end_abruptly(consumer: AIOKafkaConsumer) -> None:
    """Do what a failed `stop()` leaves undone: end the tasks, close the sockets."""
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    tasks: set[asyncio.Task[Any] | None] = set()
    if coordinator is not None:
        tasks |= {coordinator._coordination_task, coordinator._heartbeat_task}
        tasks.add(coordinator._commit_refresh_task)
    if fetcher is not None:
        tasks |= {fetcher._fetch_task, *fetcher._pending_tasks}
    alive = {task for task in tasks if task is not None}
    for task in alive:
        task.cancel()
    await asyncio.gather(*alive, return_exceptions=True)
    await client_of(consumer).close()


async def end_producer(producer: AIOKafkaProducer) -> None:
    """Do what the producer's `stop()` leaves undone if it is cut short."""
    await producer._sender.close()
    # Otherwise whoever waits for an unsent record would wait for ever.
    producer._message_accumulator.fail_all(ProducerClosed())
    await producer.client.close()


def release_waiting(producer: AIOKafkaProducer) -> None:
    """After its end, however it came: whoever waits for a topic to be there is told.

    It waits for the metadata task, which the end has cancelled, and would wait for ever: `stop()` knows of nothing
    that is not in the producer's hands yet.
    """
    client: Any = producer.client
    waited_for = client._md_update_fut
    if waited_for is not None and not waited_for.done():
        waited_for.set_exception(ProducerClosed())
        waited_for.exception()  # seen here: it may be that nobody waits
    client.force_metadata_update = _closed


async def _closed() -> bool:
    raise ProducerClosed
