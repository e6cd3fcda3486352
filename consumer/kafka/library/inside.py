"""What the library knows and does not tell, and what it can and does not offer."""

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
    """What speaks with the brokers."""
    return consumer._client


def coordinator_of(consumer: AIOKafkaConsumer) -> Coordinator:
    return cast("Coordinator", consumer._coordinator)


async def ask_group(coordinator: Coordinator, request: Any) -> Any:
    """The answer of the group's coordinator. Raises `KafkaError`."""
    return await coordinator._send_req(request)


async def leave_group(coordinator: Coordinator) -> None:
    """Say farewell, and be nobody's member."""
    await coordinator._maybe_leave_group()


async def know_topic(client: AIOKafkaClient, topic: str) -> None:
    """Returns when the library knows the topic's partitions. Raises `KafkaError`."""
    await client._wait_on_metadata(topic)


async def ask_broker(admin: AIOKafkaAdminClient, request: Any, node: int) -> Any:
    """The answer of this broker. Raises `KafkaError`."""
    return await admin._send_request(request, node)


def arrival(consumer: AIOKafkaConsumer) -> asyncio.Future[None]:
    """Done when records have arrived in the library's buffer; takes none out, so an error there loses none."""
    fetcher: Any = consumer._fetcher
    return cast("asyncio.Future[None]", fetcher._create_fetch_waiter())


def group_task_ended(consumer: AIOKafkaConsumer) -> bool:
    """The library ends it on what it does not expect, and would tell the same error for ever."""
    return coordinator_of(consumer)._coordination_task.done()


def join_without_heartbeats(consumer: AIOKafkaConsumer) -> None:
    """The library ends its heartbeats on what it does not expect, and begins them with the next join alone."""
    coordinator = coordinator_of(consumer)
    task = coordinator._heartbeat_task
    if task is not None and task.done():
        coordinator.request_rejoin()


def ended_tasks(consumer: AIOKafkaConsumer) -> list[str]:
    """Tasks that the library never ends and never looks after; without one of them it stands still in silence."""
    library: Any = consumer
    tasks = {
        "metadata task": library._client._sync_task,
        "fetch task": library._fetcher._fetch_task,
        "group task": library._coordinator._coordination_task,
    }
    return [name for name, task in tasks.items() if task is not None and task.done()]


def position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """Where the library goes on: past what it gave, and past transaction markers and compacted offsets."""
    subscription: Any = consumer._subscription.subscription
    if subscription is None or subscription.assignment is None:
        return None
    state = subscription.assignment.state_value(partition)
    return state.position if state is not None and state.has_valid_position else None


@dataclass(frozen=True, slots=True)
class RawFetch:
    """One partition's answer as the broker gave it."""

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
