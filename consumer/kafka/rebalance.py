"""What happens when partitions come and go: a session begins after the join, and ends before the next one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from consumer.kafka.lease import Lease
from consumer.kafka.library.inside import Coordinator
from consumer.kafka.logs import fields
from consumer.kafka.offsets import OffsetStore
from consumer.kafka.reading import Reader
from consumer.model import Partition
from consumer.ports import Clock, Listener
from consumer.store import Session

log = logging.getLogger(__name__)

JOIN_AGAIN_AFTER = 1.0
DRAIN_MARGIN = 1.0
"""Seconds: the join request, sent after the drain, has to arrive before the rebalance timeout."""

_GONE = "it was deleted, or this user may no longer see it: create it, or grant DESCRIBE; the service looks for it every minute"


class Membership(ConsumerRebalanceListener):
    """Called by the library during a rebalance, one callback at a time.

    It never raises: the library would log that and go on. Whatever goes wrong is kept in `failure`, and ends the
    service at its next poll.
    """

    def __init__(
        self,
        listener: Listener,
        coordinator: Coordinator,
        reader: Reader,
        offsets: OffsetStore,
        lease: Lease,
        clock: Clock,
        *,
        session_timeout: float,
        rebalance_timeout: float,
        missing: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """`missing`: topics that should be consumed but are not among the brokers' metadata."""
        self._listener = listener
        self._coordinator = coordinator
        self._reader = reader
        self._offsets = offsets
        self._lease = lease
        self._clock = clock
        # While the library waits for our callback after a join, it sends no heartbeat.
        self._read_timeout = session_timeout / 2
        self._drain_timeout = rebalance_timeout - DRAIN_MARGIN
        self._missing = missing
        self._session: Session | None = None
        self._partitions: tuple[Partition, ...] = ()
        self._closing = asyncio.Event()
        self.begun = asyncio.Event()
        """A first session has begun."""
        self.failure: BaseException | None = None
        self.not_read: KafkaError | None = None
        """Why the offset store could not be read last time, if it refused; else None."""

    def close(self) -> None:
        """Hold up the library no longer."""
        self._closing.set()

    def lose(self) -> None:
        """We give up the membership: the listener is told at once that its partitions are lost."""
        self._reader.forget()
        self._lease.end()
        partitions, had_session = self._partitions, self._session is not None
        self._session, self._partitions = None, ()
        if had_session:
            self._listener.lost(partitions)

    async def on_partitions_revoked(self, _: Collection[TopicPartition]) -> None:
        try:
            await self._revoke()
        except Exception as error:  # noqa: BLE001 - the library would log and forget it
            await self._fail(error)

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        try:
            await self._assign(sorted(Partition(*each) for each in assigned))
        except Exception as error:  # noqa: BLE001 - as above
            await self._fail(error)

    async def _revoke(self) -> None:
        session, partitions = self._session, self._partitions
        if session is None:
            return  # before the first join, or the listener knows already
        if session != Session(self._coordinator.member_id, self._coordinator.generation):
            # The coordinator no longer knows us, and the partitions may have a new owner. A commit now would carry
            # no generation, and would be stored if the group happened to be empty.
            self.lose()
            return
        self._reader.forget()
        self._session, self._partitions = None, ()
        if partitions and not await self._drained(partitions):
            await self._outlive_requests()
        self._lease.end()

    async def _drained(self, partitions: Collection[Partition]) -> bool:
        drain = asyncio.create_task(self._listener.revoked(partitions), name="kafka-revoked")
        closing = asyncio.create_task(self._closing.wait(), name="kafka-closing")
        either = {drain, closing}
        try:
            done, _ = await asyncio.wait(
                either, timeout=self._drain_timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                # Not cancelled, as what settles a record must not be cut short; and we do not join before it is done.
                # Meanwhile the coordinator evicts us and refuses the last commit: as after a kill, nothing is lost.
                log.error("partitions not given up", extra=fields(seconds=self._drain_timeout))
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            closing.cancel()
        return drain.done() and drain.result()

    async def _outlive_requests(self) -> None:
        """Wait before joining again, as that hands over. Each request ends within the lease, which nothing renews now."""
        while not self._closing.is_set() and self._lease.until > self._clock.now():
            left = self._lease.until - self._clock.now()
            await _first_of(self._closing, left)

    async def _assign(self, assigned: list[Partition]) -> None:
        session = Session(self._coordinator.member_id, self._coordinator.generation)
        self.not_read = None
        try:
            async with asyncio.timeout(self._read_timeout):
                committed = await self._offsets.read(session, assigned) if assigned else {}
        except (KafkaError, TimeoutError) as error:
            log.warning(
                "committed offsets not read, joining again", extra=fields(cause=repr(error))
            )
            if isinstance(error, KafkaError) and not error.retriable:
                self.not_read = error
            await _first_of(self._closing, min(JOIN_AGAIN_AFTER, self._read_timeout))
            self._coordinator.request_rejoin()
            return
        self._session, self._partitions = session, tuple(assigned)
        # The listener first: it must know a partition before any of its records comes.
        await self._listener.assigned(session, committed)
        self._reader.take({each: found.offset for each, found in committed.items()})
        for topic in self._missing():
            # Nobody is assigned a partition of it, so nothing else would say why it is not consumed.
            log.error("topic gone", extra=fields(topic=topic, advice=_GONE))
        self.begun.set()

    async def _fail(self, error: BaseException) -> None:
        """Keep the group waiting rather than hand over what may not be drained, until the service ends or is evicted."""
        self._reader.close()  # ends a poll that hangs in this rebalance
        self._lease.end()
        self.failure = error
        self.begun.set()
        await self._closing.wait()


async def _first_of(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
