"""One member of one consumer group: records in, commits back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import InconsistentGroupProtocolError, KafkaConnectionError, KafkaError

from consumer.errors import ConsumerError, StartRefused, Unavailable
from consumer.kafka.client import FetchToken, KafkaConfig, member, no_broker_answers
from consumer.kafka.commits import Commits
from consumer.kafka.inflate import bound_the_library
from consumer.kafka.lease import Lease
from consumer.kafka.library import inside, patches
from consumer.kafka.library.endings import end_abruptly
from consumer.kafka.library.self_test import refuse_unknown_library
from consumer.kafka.logs import quiet_library_logs
from consumer.kafka.offsets import OffsetStore
from consumer.kafka.reading import Reader
from consumer.kafka.rebalance import Membership
from consumer.kafka.topic_ids import TopicWatch
from consumer.kafka.topics import refuse_missing_topics, refuse_unreadable_topics
from consumer.model import Partition, Record, Unreadable
from consumer.ports import Clock, Listener
from consumer.store import Commit, CommitResult, Session

log = logging.getLogger(__name__)

LEAVE_TIMEOUT = 10.0
END_TIMEOUT = 5.0
OFFSETS_TIMEOUT = 15.0
FIND_TIMEOUT = 5.0


class KafkaSource:
    """`consumer.ports.Source` on top of aiokafka. Joined once, closed once."""

    def __init__(
        self,
        config: KafkaConfig,
        topics: Collection[str],
        clock: Clock,
        *,
        fetch_token: FetchToken | None = None,
    ) -> None:
        self._config = config
        self._topics = frozenset(topics)
        self._clock = clock
        self._fetch_token = fetch_token
        self._lease = Lease(config.lease_length)
        self._joined: _Joined | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def join(self, listener: Listener) -> None:
        """Returns when the first session has begun, which may have to wait until the other members have drained.

        Raises:
            StartRefused: a topic is missing, access is denied, no broker answers.
            SettingsError: a certificate cannot be read, or a SASL setting is missing.
        """
        quiet_library_logs()
        patches.patch_library()
        bound_the_library()
        consumer = self._consumer = member(self._config, self._fetch_token)
        try:
            await consumer.start()  # subscribed to nothing yet: patches are applied before the join
        except KafkaConnectionError as error:
            raise StartRefused(no_broker_answers(self._config)) from error
        refuse_unknown_library(consumer)
        await refuse_missing_topics(inside.client_of(consumer), self._topics)
        joined = self._joined = self._wire(consumer, listener)
        consumer.subscribe(list(self._topics), listener=joined.membership)
        await self._first_session(joined)
        await refuse_unreadable_topics(consumer, self._topics)

    @property
    def partitions(self) -> Collection[Partition]:
        """The partitions of all its topics, whoever has them; none before the first session, or while some are not known."""
        joined = self._joined
        if joined is None or not joined.membership.begun.is_set():
            return ()
        known = {each: joined.consumer.partitions_for_topic(each) for each in self._topics}
        if not all(known.values()):
            return ()
        return [Partition(topic, each) for topic, found in known.items() for each in found]

    @property
    def stuck(self) -> Mapping[Partition, str]:
        """As `Source.stuck`; each is tried again every half minute."""
        return self._joined.reader.stuck if self._joined else {}

    async def skip(self, partition: Partition, offset: int) -> str:
        """As `Source.skip`."""
        return self._must_be_joined().reader.skip(partition, offset)

    @property
    def ended_tasks(self) -> Collection[str]:
        """Tasks of the library that have died, so that only a restart of the process helps."""
        if self._joined is None or self._consumer is None:
            return ()
        return inside.ended_tasks(self._joined.consumer)

    async def find_anew(self) -> bool:
        """Ask the configured servers which brokers there are; True if one answered, within five seconds.

        The library only asks brokers that it knows: when all of them have moved, it would never find one again.
        """
        client = inside.client_of(self._must_be_joined().consumer)
        try:
            async with asyncio.timeout(FIND_TIMEOUT):
                await client.bootstrap()
        except (KafkaError, TimeoutError):
            return False
        return True

    async def poll(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        """As `Source.poll`. Returns nothing once closed.

        Raises:
            ConsumerError: the library's group task has died, or a listener raised: the service must end.
        """
        joined = self._must_be_joined()
        if joined.membership.failure is not None:
            raise joined.membership.failure
        records = await joined.reader.read(wanted, max_records, wait)
        if joined.membership.failure is not None:
            raise joined.membership.failure
        return records

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        """As `Source.commit`; bounded by ten seconds."""
        return await self._must_be_joined().commits.commit(session, commits)

    def position(self, partition: Partition) -> int:
        """As `Source.position`; -1 for a partition that is not assigned."""
        return self._joined.reader.position(partition) if self._joined else -1

    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """As `Source.end_offsets`: the end of what can be read, so before any transaction that is still open."""
        consumer = self._must_be_joined().consumer
        try:
            async with asyncio.timeout(OFFSETS_TIMEOUT):
                ends = await consumer.end_offsets([TopicPartition(*each) for each in partitions])
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"the brokers did not give the end offsets: {error!r}") from error
        return {Partition(*tp): offset for tp, offset in ends.items()}

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """What any member of the group has committed for these, without those for which none has.

        Raises:
            Unavailable: the group's coordinator did not say.
        """
        wanted = [TopicPartition(*each) for each in partitions]
        try:
            async with asyncio.timeout(OFFSETS_TIMEOUT):
                found = await self._must_be_joined().coordinator.fetch_committed_offsets(wanted)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable(f"the group did not give its committed offsets: {error!r}") from error
        return {Partition(*tp): stored.offset for tp, stored in found.items()}

    def lease(self) -> float:
        """Clock time until which this membership is certain: no other member can have got its partitions before that."""
        return self._lease.until

    async def rejoin(self) -> None:
        """Leave the group and join it as a new member.

        The listener's `lost` is called for what it still holds, then `assigned` for the new session. If the
        coordinator does not answer, the old member stays until its session times out; the new one's join waits for
        that, so the order is the same.
        """
        joined = self._must_be_joined()
        joined.membership.lose()
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await inside.leave_group(joined.coordinator)
        except TimeoutError:
            log.warning("leaving the group got no answer")
            joined.coordinator.reset_generation()

    async def close(self, *, leave: bool) -> None:
        """As `Source.close`; `leave=False` closes the sockets without a word to the coordinator."""
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        self._lease.end()
        if self._joined is not None:
            if not leave:
                self._joined.watch.close()
            self._joined.membership.close()
            self._joined.reader.close()
        # In a task: with a dead broker `stop()` raises a CancelledError that is not our own.
        stop = asyncio.create_task(consumer.stop(), name="kafka-stop")
        await asyncio.wait({stop}, timeout=LEAVE_TIMEOUT if leave else END_TIMEOUT)
        if not stop.done() or stop.cancelled() or stop.exception() is not None:
            log.warning("the Kafka client did not close cleanly")
            stop.cancel()
            end = asyncio.create_task(end_abruptly(consumer), name="kafka-end")
            await asyncio.wait({stop, end}, timeout=END_TIMEOUT)

    def _wire(self, consumer: AIOKafkaConsumer, listener: Listener) -> _Joined:
        coordinator = inside.coordinator_of(consumer)
        topics = TopicWatch(consumer, self._clock)
        reader = Reader(consumer, self._clock, topics)
        commits = Commits(consumer)
        membership = Membership(
            listener,
            coordinator,
            reader,
            OffsetStore(consumer, self._topics, self._config.initial_offset, commits, topics),
            self._lease,
            self._clock,
            session_timeout=self._config.session_timeout,
            rebalance_timeout=self._config.rebalance_timeout,
            missing=lambda: [
                t for t in sorted(self._topics) if not consumer.partitions_for_topic(t)
            ],
        )
        watch = patches.CoordinatorWatch(coordinator, self._lease, self._clock)
        return _Joined(consumer, coordinator, reader, commits, membership, watch)

    async def _first_session(self, joined: _Joined) -> None:
        """Wait for it. Nobody polls until then, so a refusal by the group's coordinator is noticed here.

        Raises:
            StartRefused: the coordinator refuses us.
        """
        while not joined.membership.begun.is_set():
            refused = joined.membership.not_read or await joined.refused_within(0.5)
            if refused is not None:
                remedy = (
                    "grant READ on the group to this service's user, or fix what the message names"
                )
                if isinstance(refused, InconsistentGroupProtocolError):
                    remedy = "another kind of program is a member of it: give this service a group of its own"
                raise StartRefused(
                    f"group {self._config.group_id!r} cannot be joined: {refused}; {remedy}"
                ) from refused
        if joined.membership.failure is not None:
            raise joined.membership.failure

    def _must_be_joined(self) -> _Joined:
        if self._joined is None:
            raise ConsumerError("the Kafka source is not joined")
        return self._joined


@dataclass(frozen=True, slots=True)
class _Joined:
    """What exists from the join on."""

    consumer: AIOKafkaConsumer
    coordinator: inside.Coordinator
    reader: Reader
    commits: Commits
    membership: Membership
    watch: patches.CoordinatorWatch

    async def refused_within(self, seconds: float) -> KafkaError | None:
        """The error with which the coordinator refuses us, if it does so before the first session."""
        begun = asyncio.ensure_future(self.membership.begun.wait())
        try:
            await asyncio.wait({begun}, timeout=seconds)
            self.coordinator.check_errors()
        except KafkaError as error:
            return error
        finally:
            begun.cancel()
        return None
