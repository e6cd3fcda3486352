"""Every private name of the client library that the service touches, each for a defect of version 0.14.

A start-up test refuses a version where one of them is gone.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import aiokafka.client
import aiokafka.conn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, OAuthAuthenticator
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
    LeaderNotAvailableError,
    NotCoordinatorForGroupError,
    ProducerClosed,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest

from consumer.errors import StartRefused
from consumer.kafka.inflate import unbound
from consumer.kafka.lease import Lease
from consumer.ports import Clock

OFFSET_FETCH, HEARTBEAT, SYNC_GROUP = 9, 12, 14
"""API keys of the protocol."""

READ_COMMITTED = 1
PREFERRED_REPLICA_VERSION = 11

CALLERS: tuple[tuple[Any, str], ...] = (
    (GroupCoordinator._do_heartbeat, "_send_req"),  # noqa: SLF001
    (GroupCoordinator._do_fetch_commit_offsets, "_send_req"),  # noqa: SLF001
    (GroupCoordinator._maybe_leave_group, "reset_generation"),  # noqa: SLF001
    (CoordinatorGroupRebalance._send_sync_group_request, "_send_req"),  # noqa: SLF001
    (AIOKafkaClient._metadata_update, "MetadataRequest"),  # noqa: SLF001
    (AIOKafkaConnection.authenticator_oauth, "OAuthAuthenticator"),
    (OAuthAuthenticator.step, "_token_sent"),
)
"""Functions of the library, and the name through which each must go for a patch to take hold."""

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "": ("_client", "_coordinator", "_fetcher", "_subscription"),
    "_coordinator": (
        "generation",
        "member_id",
        "group_id",
        "coordinator_id",
        "_coordination_task",
        "_heartbeat_task",
        "_maybe_leave_group",
        "check_errors",
        "coordinator_dead",
        "ensure_coordinator_known",
        "fetch_committed_offsets",
        "request_rejoin",
        "reset_generation",
    ),
    "_fetcher": ("_create_fetch_waiter", "_fetch_task", "_pending_tasks"),
    "_subscription": ("subscription", "wait_for_assignment"),
    "_client": (
        "_sync_task",
        "cluster",
        "close",
        "force_metadata_update",
        "get_random_node",
        "ready",
        "send",
    ),
}
"""Attributes that a started consumer must have, by the part that has them."""


class Coordinator(Protocol):
    """The part of the library's group coordinator that the service uses."""

    group_id: str
    generation: int
    member_id: str
    coordinator_id: int | None
    _coordination_task: asyncio.Task[None]

    async def _send_req(self, request: Any) -> Any: ...
    async def _maybe_leave_group(self) -> None: ...
    def check_errors(self) -> None: ...
    def coordinator_dead(self) -> None: ...
    async def ensure_coordinator_known(self) -> None: ...
    async def fetch_committed_offsets(self, partitions: Sequence[TopicPartition]) -> Any: ...
    def request_rejoin(self) -> None: ...
    def reset_generation(self) -> None: ...


def refuse_unknown_library(consumer: AIOKafkaConsumer) -> None:
    """The start-up test, on a started consumer.

    Raises:
        StartRefused: the library changed, so that a patch would not take hold.
    """
    gone = [
        f"{function.__qualname__} no longer uses {name}"
        for function, name in CALLERS
        if name not in function.__code__.co_names
    ]
    for part, names in ATTRIBUTES.items():
        owner = getattr(consumer, part, None) if part else consumer
        gone += [f"{part or 'consumer'}.{name}" for name in names if not hasattr(owner, name)]
    gone += unbound()
    if gone:
        raise StartRefused(
            f"this version of aiokafka is not the one that the service was made for ({', '.join(gone)}): "
            "install the version of the lock file"
        )


def forbid_topic_creation() -> None:
    """The library's metadata requests ask the broker to create topics that are missing; ours never do."""
    aiokafka.client.MetadataRequest = functools.partial(  # type: ignore[attr-defined, assignment]  # a module's global
        MetadataRequest, allow_auto_topic_creation=False
    )


class StrictOAuth(OAuthAuthenticator):
    """A broker refuses a token by an answer without an error code; the library takes that for a login.

    Every later request then fails, with an error that says nothing of tokens.
    """

    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        if payload and self._token_sent:
            told = payload[:200].decode("utf-8", "replace")
            raise AuthenticationFailedError(f"the broker refuses the token: {told}")
        step: tuple[bytes, bool] | None = await super().step(payload)
        return step


def refuse_rejected_tokens() -> None:
    """Puts `StrictOAuth` in the place of the library's own."""
    aiokafka.conn.OAuthAuthenticator = StrictOAuth  # type: ignore[misc]  # a module's global


def coordinator_of(consumer: AIOKafkaConsumer) -> Coordinator:
    return cast("Coordinator", consumer._coordinator)  # noqa: SLF001


class CoordinatorWatch:
    """Sees every answer of the group coordinator.

    - An error on top of an answer to "what is committed?" is raised. The library overlooks it and takes the empty list
      below it for a group that never committed: everything would be read again, or skipped.
    - A heartbeat or a sync answered without error renews the lease. `REBALANCE_IN_PROGRESS` does not, though the
      library counts it as success.
    - Once closed, nothing is sent any more: no join and no farewell.
    """

    def __init__(self, coordinator: Coordinator, lease: Lease, clock: Clock) -> None:
        self._coordinator = coordinator
        self._send = coordinator._send_req  # noqa: SLF001
        self._lease = lease
        self._clock = clock
        self._closed = False
        coordinator._send_req = self._checked  # type: ignore[method-assign]  # noqa: SLF001

    def close(self) -> None:
        self._closed = True
        self._coordinator._maybe_leave_group = _stay  # type: ignore[method-assign]  # noqa: SLF001

    async def _checked(self, request: Any) -> Any:
        if self._closed:
            raise KafkaConnectionError("the consumer is closing")
        identity = self._identity
        # Before the wait for a connection: rather too early than too late.
        sent_at = self._clock.now()
        response = await self._send(request)
        if response.API_KEY == OFFSET_FETCH:
            self._refuse_errors(response)
        elif self._proves_membership(response, identity):
            self._lease.renew(sent_at)
        return response

    def _proves_membership(self, response: Any, identity: tuple[str, int]) -> bool:
        return (
            response.API_KEY in (HEARTBEAT, SYNC_GROUP)
            and response.error_code == 0
            # An answer to an earlier member of this process says nothing about the present one.
            and identity == self._identity
        )

    @property
    def _identity(self) -> tuple[str, int]:
        return self._coordinator.member_id, self._coordinator.generation

    def _refuse_errors(self, response: Any) -> None:
        codes = {code for _, parts in response.topics for *_, code in parts}
        codes.add(getattr(response, "error_code", 0))
        for code in sorted(codes - {0}):
            error = for_code(code)
            if error in (NotCoordinatorForGroupError, GroupCoordinatorNotAvailableError):
                self._coordinator.coordinator_dead()
            raise error()


async def _stay() -> None:
    """In place of leaving the group."""


def arrival(consumer: AIOKafkaConsumer) -> asyncio.Future[None]:
    """Done when records have arrived in the library's buffer; takes none out, so an error there loses none."""
    fetcher: Any = consumer._fetcher  # noqa: SLF001
    return cast("asyncio.Future[None]", fetcher._create_fetch_waiter())  # noqa: SLF001


def group_task_ended(consumer: AIOKafkaConsumer) -> bool:
    """The library ends it on what it does not expect, and would tell the same error for ever."""
    return coordinator_of(consumer)._coordination_task.done()  # noqa: SLF001


def ended_tasks(consumer: AIOKafkaConsumer) -> list[str]:
    """Tasks that the library never ends and never looks after; without one of them it stands still in silence."""
    library: Any = consumer
    tasks = {
        "metadata task": library._client._sync_task,  # noqa: SLF001
        "fetch task": library._fetcher._fetch_task,  # noqa: SLF001
        "group task": library._coordinator._coordination_task,  # noqa: SLF001
    }
    return [name for name, task in tasks.items() if task is not None and task.done()]


def position(consumer: AIOKafkaConsumer, partition: TopicPartition) -> int | None:
    """Where the library goes on: past what it gave, and past transaction markers and compacted offsets."""
    subscription: Any = consumer._subscription.subscription  # noqa: SLF001
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
    client = consumer._client  # noqa: SLF001
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


async def end_abruptly(consumer: AIOKafkaConsumer) -> None:
    """What `stop()` leaves undone when it fails on the way: tasks ended, sockets closed."""
    coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001
    tasks: set[asyncio.Task[Any] | None] = set()
    if coordinator is not None:
        tasks |= {coordinator._coordination_task, coordinator._heartbeat_task}  # noqa: SLF001
        tasks.add(coordinator._commit_refresh_task)  # noqa: SLF001
    if fetcher is not None:
        tasks |= {fetcher._fetch_task, *fetcher._pending_tasks}  # noqa: SLF001
    alive = {task for task in tasks if task is not None}
    for task in alive:
        task.cancel()
    await asyncio.gather(*alive, return_exceptions=True)
    await consumer._client.close()  # noqa: SLF001


async def end_producer(producer: AIOKafkaProducer) -> None:
    """What the producer's `stop()` leaves undone when it was cut short."""
    await producer._sender.close()  # noqa: SLF001
    # Else whoever waits for what was not sent waits for ever.
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
    await producer.client.close()
