"""What the library knows but does not show, and what it can do but does not offer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    LeaderNotAvailableError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest

READ_COMMITTED = 1
PREFERRED_REPLICA_VERSION = 11


class Coordinator(Protocol):
    """The part of the library's group coordinator that the service uses."""

    group_id: str
    generation: int
    member_id: str
    coordinator_id: int | None
    _coordination_task: asyncio.Task[None]
    _heartbeat_task: asyncio.Task[None] | None

    async def _send_req(self, request: Any) -> Any: ...
    async def _maybe_leave_group(self) -> None: ...
    def check_errors(self) -> None: ...
    def coordinator_dead(self) -> None: ...
    async def ensure_coordinator_known(self) -> None: ...
    async def fetch_committed_offsets(self, partitions: Sequence[TopicPartition]) -> Any: ...
    def request_rejoin(self) -> None: ...
    def reset_generation(self) -> None: ...


def client_of(consumer: AIOKafkaConsumer) -> AIOKafkaClient:
    """The part that talks to the brokers."""
    return consumer._client


def coordinator_of(consumer: AIOKafkaConsumer) -> Coordinator:
    return cast("Coordinator", consumer._coordinator)


async def ask_group(coordinator: Coordinator, request: Any) -> Any:
    """The answer of the group's coordinator.

    Raises:
        KafkaError: there was none.
    """
    return await coordinator._send_req(request)


async def leave_group(coordinator: Coordinator) -> None:
    """Leave the group, and tell its coordinator."""
    await coordinator._maybe_leave_group()


async def know_topic(client: AIOKafkaClient, topic: str) -> None:
    """Returns when the library knows the topic's partitions.

    Raises:
        KafkaError: it cannot find them out.
    """
    await client._wait_on_metadata(topic)


async def ask_broker(admin: AIOKafkaAdminClient, request: Any, node: int) -> Any:
    """The answer of this broker.

    Raises:
        KafkaError: there was none.
    """
    return await admin._send_request(request, node)


def arrival(consumer: AIOKafkaConsumer) -> asyncio.Future[None]:
    """Done when there are records in the library's buffer. It takes none out, so an error loses none."""
    fetcher: Any = consumer._fetcher
    return cast("asyncio.Future[None]", fetcher._create_fetch_waiter())


def group_task_ended(consumer: AIOKafkaConsumer) -> bool:
    """True: the library's group task has died of an unexpected error, which it would now raise for ever."""
    return coordinator_of(consumer)._coordination_task.done()


def join_without_heartbeats(consumer: AIOKafkaConsumer) -> None:
    """If an unexpected error has ended the library's heartbeats, join again: only a join starts them anew."""
    coordinator = coordinator_of(consumer)
    task = coordinator._heartbeat_task
    if task is not None and task.done():
        coordinator.request_rejoin()


def ended_tasks(consumer: AIOKafkaConsumer) -> list[str]:
    """Tasks of the library that have died. It never ends them, never checks them, and silently stands still without one."""
    library: Any = consumer
    tasks = {
        "metadata task": library._client._sync_task,
        "fetch task": library._fetcher._fetch_task,
        "group task": library._coordinator._coordination_task,
    }
    return [name for name, task in tasks.items() if task is not None and task.done()]


def position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """The library's next offset: after what it has returned, transaction markers and compacted offsets; None: unknown."""
    subscription: Any = consumer._subscription.subscription
    if subscription is None or subscription.assignment is None:
        return None
    state = subscription.assignment.state_value(partition)
    return state.position if state is not None and state.has_valid_position else None


@dataclass(frozen=True, slots=True)
class RawFetch:
    """The raw answer of a broker for one partition."""

    records: bytes
    aborted: Sequence[tuple[int, int]]
    """Producer id and first offset of each aborted transaction in it."""


async def fetch_raw(
    consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int, max_bytes: int
) -> RawFetch:
    """The batches from the one with `offset` on, not decoded.

    Raises:
        KafkaError: the broker did not give them.
    """
    client = client_of(consumer)
    node = client.cluster.leader_for_partition(partition)
    if node is None or node < 0:
        raise LeaderNotAvailableError(partition)
    wanted = [(partition.topic, [(partition.partition, offset, max_bytes)])]
    response = await client.send(node, FetchRequest(0, 1, max_bytes, READ_COMMITTED, wanted))
    (_, ((_, code, _, *rest),)) = response.topics[0]
    if code:
        raise for_code(code)(partition)
    aborted = rest[2] if response.API_VERSION >= PREFERRED_REPLICA_VERSION else rest[-2]
    return RawFetch(rest[-1], aborted or ())
