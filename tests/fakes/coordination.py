"""The member's side of the group protocol: join, heartbeats, and telling the core of its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from consumer.model import Partition
from consumer.ports import Listener
from consumer.store import Commit, Committed, Session
from tests.fakes.group import Code, FakeGroup
from tests.fakes.log import FakeLog
from tests.fakes.membership import Membership, Memberships
from tests.fakes.network import Network
from tests.fakes.truth import Truth

HEARTBEAT = 3.0


class Coordination:
    """Belongs to the group until it is cancelled."""

    def __init__(
        self,
        process: str,
        *,
        log: FakeLog,
        group: FakeGroup,
        network: Network,
        truth: Truth,
        memberships: Memberships,
    ) -> None:
        self.process = process
        self.member = ""
        self.lease = float("-inf")
        self.assigned = False
        self.positions: dict[Partition, int] = {}
        self.membership: Membership | None = None
        self.changed = asyncio.Event()
        """Records came, a session began or ended."""
        self.in_flight: Callable[[], int] = int
        """How many requests of this process are at Foundry: nobody leaves a group with some."""
        self._renewal = asyncio.Event()
        self._log, self._group, self._network = log, group, network
        self._truth, self._memberships = truth, memberships

    async def belong(self, listener: Listener) -> None:
        """Session after session."""
        try:
            while True:
                await self._live_one_session(listener)
        except Exception as error:
            self._truth.note(f"{self.process}: the listener raised {error!r}")
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a listener never raises", "exception": error}
            )
            raise

    def renew(self) -> None:
        """Leave and join as a new member."""
        self.hand_over()
        self._renewal.set()

    async def leave(self) -> None:
        """Leave the group, if it was ever joined."""
        member, self.member = self.member, ""
        if member:
            self._truth.note(f"{self.process}: {member} leaves")
            leaving = self._network.call(lambda: self._group.leave(member))
            await asyncio.wait([leaving], timeout=5)

    def hand_over(self) -> None:
        """The partitions go to whoever comes next: nothing of them may be in flight."""
        requests = self.in_flight()
        if requests:
            raise self._truth.broken(
                "rule 9: drain before handing over", f"{requests} still in flight"
            )
        self.disown()

    def disown(self) -> None:
        """The partitions are not this process's any more."""
        self.assigned = False
        self.positions = {}
        self.lease = float("-inf")
        if self.membership is not None:
            self.membership.owned.clear()
        self.changed.set()

    def admit_undrained(self) -> None:
        """Where the last commit does not say *drained*, the process itself says that something may repeat."""
        if self.membership is not None and not self.membership.says_drained():
            self.damage("not drained in time")

    def damage(self, why: str) -> None:
        """The next owner may have to repeat something."""
        if self.membership is not None:
            self.membership.spoil(why)

    async def _live_one_session(self, listener: Listener) -> None:
        if self._renewal.is_set():
            self._renewal.clear()
            await self.leave()
        # Two awaits: the request travels, then the coordinator waits for the other members.
        joined = await (await self._network.call(lambda: self._group.join(self.member)))
        await asyncio.sleep(self._network.delay())
        if isinstance(joined, Code):
            self.member = ""
            return
        self.member = joined.session.member
        stored = await self._network.call(lambda: self._group.fetch(joined.partitions))
        if not self._renewal.is_set():
            await self._begin(joined.session, stored, listener)
            await self._stay(joined.session, listener)

    async def _begin(
        self, session: Session, stored: Mapping[Partition, Commit | None], listener: Listener
    ) -> None:
        # A process that stood still since its join was answered begins a session that is over already, until
        # its first heartbeat tells it so.
        stale = not self._group.knows(session)
        self.membership = self._memberships.begin(self.process, session, stored, stale=stale)
        committed = {partition: self._committed(partition, stored) for partition in stored}
        self.positions = {partition: read.offset for partition, read in committed.items()}
        self._truth.note(
            f"{self.process} assigned {session.member}/{session.generation}: "
            + " ".join(f"{p.partition}@{read.offset}" for p, read in committed.items())
        )
        await listener.assigned(session, committed)
        self.assigned = True
        self.changed.set()

    def _committed(
        self, partition: Partition, stored: Mapping[Partition, Commit | None]
    ) -> Committed:
        commit = stored[partition]
        if commit is None:
            start = self._log.start(partition)
            return Committed(start, known=False, topic_id=self._log.topic_id)
        return Committed(commit.offset, commit.metadata, topic_id=self._log.topic_id)

    async def _stay(self, session: Session, listener: Listener) -> None:
        code = await self._beat(session, until=Code.REBALANCE_IN_PROGRESS)
        if code is None:
            return
        self.assigned = False
        partitions = list(self.positions)
        if code is Code.REBALANCE_IN_PROGRESS:
            await self._give_up(session, partitions, listener)
        else:
            self._lose(partitions, listener)

    async def _give_up(
        self, session: Session, partitions: list[Partition], listener: Listener
    ) -> None:
        beating = asyncio.create_task(self._beat(session, until=None), name=f"{self.process}: beat")
        try:
            drained = await listener.revoked(partitions)
        finally:
            evicted = beating.done() and not beating.cancelled() and beating.result() is not None
            beating.cancel()
            await asyncio.wait([beating])
        self._truth.note(f"{self.process} revoked, drained={drained}, evicted={evicted}")
        if evicted:
            self._lose(partitions, listener)
        if not drained:
            self.damage("not drained")
            # To join again is to hand over: each request was begun to end within the lease.
            await asyncio.sleep(max(0.0, self.lease - asyncio.get_running_loop().time()))
        if not evicted:
            self.admit_undrained()
            self.hand_over()

    def _lose(self, partitions: list[Partition], listener: Listener) -> None:
        self._truth.note(f"{self.process} has lost its partitions")
        self.damage("evicted")
        self.disown()
        self.member = ""
        listener.lost(partitions)

    async def _beat(self, session: Session, *, until: Code | None) -> Code | None:
        """Until told of an error or of `until`; None: a new membership is wanted."""
        loop = asyncio.get_running_loop()
        while not self._renewal.is_set():
            sent_at = loop.time()
            code = await self._network.call(lambda: self._group.heartbeat(session))
            if code is Code.NONE and not self._renewal.is_set():
                span = min(self._group.session_timeout, self._group.rebalance_timeout)
                self.lease = sent_at + span
            elif code is until or code not in (Code.NONE, Code.REBALANCE_IN_PROGRESS):
                return code
            await wait_at_most(self._renewal, HEARTBEAT)
        return None


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Until it is set or the time is over."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await event.wait()
    except TimeoutError:
        return
