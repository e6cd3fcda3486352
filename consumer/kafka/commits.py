"""Commits in the name of the session that they belong to: bounded in time, with an answer for each partition."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping

from aiokafka import AIOKafkaConsumer
from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    BrokerResponseError,
    GroupAuthorizationFailedError,
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    IllegalGenerationError,
    InvalidCommitOffsetSizeError,
    KafkaError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    NoError,
    NotCoordinatorForGroupError,
    OffsetMetadataTooLargeError,
    RebalanceInProgressError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.commit import OffsetCommitRequest

from consumer.kafka.library.inside import Coordinator, ask_group, client_of, coordinator_of
from consumer.kafka.logs import fields
from consumer.model import Partition
from consumer.store import Commit, CommitResult, Session

log = logging.getLogger(__name__)

TIMEOUT = 10.0
CHUNK_BYTES = 800_000
"""The broker stores a request as one batch of its offsets topic, and refuses it as a whole above 1 MB."""
ENTRY_OVERHEAD = 100
KEEP_BROKER_RETENTION = -1

REBALANCE_IN_PROGRESS: int = RebalanceInProgressError.errno
FENCED_INSTANCE_ID = 82
"""The library does not know this error code of the protocol."""


def _codes(*errors: type[BrokerResponseError]) -> frozenset[int]:
    return frozenset(error.errno for error in errors)


COORDINATOR_MOVED = _codes(
    RequestTimedOutError, GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError
)
LOST = _codes(IllegalGenerationError, UnknownMemberIdError) | {FENCED_INSTANCE_ID}
_REFUSED = _codes(
    UnknownError,  # also the answer to a request that is too large
    MessageSizeTooLargeError,
    OffsetMetadataTooLargeError,
    InvalidCommitOffsetSizeError,
    TopicAuthorizationFailedError,
    GroupAuthorizationFailedError,
)
RESULTS: Mapping[int, CommitResult] = {
    NoError.errno: CommitResult.STORED,
    REBALANCE_IN_PROGRESS: CommitResult.REBALANCING,
    **dict.fromkeys(LOST, CommitResult.LOST),
    **dict.fromkeys(COORDINATOR_MOVED | _codes(GroupLoadInProgressError), CommitResult.AGAIN),
    **dict.fromkeys(_REFUSED, CommitResult.REFUSED),
}


class Commits:
    """Does what the library's own `commit()` cannot: a fixed identity, a single attempt, an answer per partition."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._client = client_of(consumer)
        self._coordinator: Coordinator = coordinator_of(consumer)

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> dict[Partition, CommitResult]:
        """As `Source.commit`, bounded by ten seconds.

        A session without a real identity is refused here: if the group is empty, the broker would store a commit of
        generation -1, over everybody's claims.
        """
        if session.generation < 0 or not session.member:
            return dict.fromkeys(commits, CommitResult.LOST)
        chunks = list(chunked(commits))
        answers = await asyncio.gather(*(self._send(session, chunk) for chunk in chunks))
        return {partition: result for answer in answers for partition, result in answer.items()}

    async def _send(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> dict[Partition, CommitResult]:
        sent = False
        try:
            async with asyncio.timeout(TIMEOUT):
                if not await self._connected():
                    return dict.fromkeys(commits, CommitResult.AGAIN)
                sent = True
                request = _request(self._coordinator.group_id, session, commits)
                response = await ask_group(self._coordinator, request)
        except (NodeNotReadyError, GroupCoordinatorNotAvailableError):
            return dict.fromkeys(commits, CommitResult.AGAIN)  # raised before anything was written
        except GroupAuthorizationFailedError:
            return dict.fromkeys(commits, CommitResult.REFUSED)
        except (KafkaError, TimeoutError) as error:
            # Once bytes may have left, the broker may store them at any later time, over newer commits.
            log.warning("commit got no answer", extra=fields(cause=type(error).__name__))
            unknown = CommitResult.UNANSWERED if sent else CommitResult.AGAIN
            return dict.fromkeys(commits, unknown)
        return self._read(session, commits, response.topics)

    async def _connected(self) -> bool:
        """Done before the sending: while this waits, nothing has left."""
        await self._coordinator.ensure_coordinator_known()
        node = self._coordinator.coordinator_id
        return node is not None and await self._client.ready(
            node, group=ConnectionGroup.COORDINATION
        )

    def _read(
        self,
        session: Session,
        commits: Mapping[Partition, Commit],
        topics: list[tuple[str, list[tuple[int, int]]]],
    ) -> dict[Partition, CommitResult]:
        codes = {Partition(topic, part): code for topic, parts in topics for part, code in parts}
        self._follow(session, set(codes.values()))
        # An answer may leave out a partition, but it still is an answer: the commit cannot land later.
        return {
            each: result_of(codes[each]) if each in codes else CommitResult.AGAIN
            for each in commits
        }

    def _follow(self, session: Session, codes: set[int]) -> None:
        """Tell the library what its own commit would have told it; otherwise it learns it a heartbeat later."""
        coordinator = self._coordinator
        if codes & COORDINATOR_MOVED:
            coordinator.coordinator_dead()
        if session != Session(coordinator.member_id, coordinator.generation):
            return  # the answer is about an earlier membership
        if codes & LOST:
            coordinator.reset_generation()
        elif REBALANCE_IN_PROGRESS in codes:
            coordinator.request_rejoin()


def result_of(code: int) -> CommitResult:
    """What an error code of the broker, for one partition, means."""
    if code in RESULTS:
        return RESULTS[code]
    return CommitResult.AGAIN if for_code(code).retriable else CommitResult.REFUSED


def chunked(commits: Mapping[Partition, Commit]) -> Iterator[dict[Partition, Commit]]:
    """Split the commits so that the broker can store each part in one batch."""
    chunk: dict[Partition, Commit] = {}
    size = 0
    for partition, commit in commits.items():
        entry = len(commit.metadata.encode()) + len(partition.topic) + ENTRY_OVERHEAD
        if chunk and size + entry > CHUNK_BYTES:
            yield chunk
            chunk, size = {}, 0
        chunk[partition] = commit
        size += entry
    if chunk:
        yield chunk


def _request(
    group_id: str, session: Session, commits: Mapping[Partition, Commit]
) -> OffsetCommitRequest:
    topics: dict[str, list[tuple[int, int, str]]] = {}
    for (topic, partition), commit in commits.items():
        topics.setdefault(topic, []).append((partition, commit.offset, commit.metadata))
    return OffsetCommitRequest(
        group_id, session.generation, session.member, KEEP_BROKER_RETENTION, list(topics.items())
    )
