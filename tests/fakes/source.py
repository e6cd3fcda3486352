"""One member of the fake group: implements the core's `Source`, and holds the core to its rules."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence

from consumer.errors import SkipRefused
from consumer.model import Partition, Record, Unreadable
from consumer.ports import Listener
from consumer.store import Commit, CommitResult, Session
from tests.fakes.coordination import Coordination, wait_at_most
from tests.fakes.group import Code, FakeGroup
from tests.fakes.log import FakeLog
from tests.fakes.marks import Marks
from tests.fakes.membership import Membership, Memberships
from tests.fakes.network import Network
from tests.fakes.truth import Truth

COMMIT_TIMEOUT = 10.0

RESULTS = {
    Code.NONE: CommitResult.STORED,
    Code.METADATA_TOO_LARGE: CommitResult.REFUSED,
    Code.TOPIC_DENIED: CommitResult.REFUSED,
    Code.COORDINATOR_LOADING: CommitResult.AGAIN,
    Code.ILLEGAL_GENERATION: CommitResult.LOST,
    Code.UNKNOWN_MEMBER: CommitResult.LOST,
    Code.REBALANCE_IN_PROGRESS: CommitResult.REBALANCING,
}


class FakeSource:
    """Members come and go; one process keeps one of these."""

    def __init__(
        self,
        process: str,
        *,
        log: FakeLog,
        group: FakeGroup,
        network: Network,
        truth: Truth,
        memberships: Memberships,
        rng: random.Random,
        alive: Callable[[], None],
    ) -> None:
        self.process = process
        self.coordination = Coordination(
            process, log=log, group=group, network=network, truth=truth, memberships=memberships
        )
        self.lose_next_answers: list[float | None] = []
        """The next commits get no answer: landing so many seconds later, or (None) never."""
        self._log, self._group, self._network, self._truth = log, group, network, truth
        self._memberships, self._rng, self._alive = memberships, rng, alive
        self._closed = False
        self._polling = False
        self._belonging: asyncio.Task[None] | None = None
        log.listeners.append(self.coordination.changed.set)

    @property
    def membership(self) -> Membership | None:
        """The session it is in, or was in last."""
        return self.coordination.membership

    async def join(self, listener: Listener) -> None:
        self._alive()
        await self._network.call(lambda: None)
        self._belonging = asyncio.create_task(
            self.coordination.belong(listener), name=f"{self.process}: membership"
        )

    async def close(self, *, leave: bool) -> None:
        self._alive()
        self._truth.note(f"{self.process} closes, leave={leave}")
        self._closed = True
        self.coordination.changed.set()
        if self._belonging is not None:
            self._belonging.cancel()
            await asyncio.wait([self._belonging])
        if leave:
            self.coordination.admit_undrained()
            self.coordination.hand_over()
            await self.coordination.leave()
        else:
            self.coordination.damage("closed without leaving")
            self.coordination.disown()

    async def poll(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        self._alive()
        if self._polling:
            raise self._truth.broken(
                "poll must not be cancelled, nor called twice at once", self.process
            )
        self._polling = True
        got = await self._poll(wanted, max_records, wait)
        self._polling = False
        return got

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        self._alive()
        membership = self._membership_of(session)
        frozen = dict(commits)
        sent = membership.commit_leaves(frozen)
        self._note_commit(session, sent)
        answer = self._send_commit(session, frozen)
        try:
            await asyncio.wait([answer], timeout=COMMIT_TIMEOUT)
        except asyncio.CancelledError:
            # It is under way all the same: nobody will know whether it was stored.
            membership.commit_answered(sent, dict.fromkeys(frozen, CommitResult.UNANSWERED))
            raise
        results = self._results(answer, frozen)
        membership.commit_answered(sent, results)
        return results

    @property
    def stuck(self) -> Mapping[Partition, str]:
        return {}

    async def skip(self, partition: Partition, offset: int) -> str:
        self._alive()
        raise SkipRefused(f"{partition.topic}/{partition.partition} is not held")

    def position(self, partition: Partition) -> int:
        return self.coordination.positions.get(partition, 0)

    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        self._alive()
        await asyncio.sleep(self._network.delay())
        return {partition: self._log.end(partition) for partition in partitions}

    def lease(self) -> float:
        return self.coordination.lease

    async def rejoin(self) -> None:
        self._alive()
        self._truth.note(f"{self.process} rejoins as a new member")
        self.coordination.renew()
        await asyncio.sleep(self._network.delay())

    async def _poll(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        loop, coordination = asyncio.get_running_loop(), self.coordination
        deadline = loop.time() + wait
        await asyncio.sleep(self._network.delay())
        while not self._closed:
            coordination.changed.clear()
            got = self._take(wanted, max_records)
            if got or (coordination.assigned and loop.time() >= deadline):
                return got
            # While a rebalance is under way it waits longer than it was told to, as the client library does.
            remaining = deadline - loop.time() if coordination.assigned else 60.0
            await wait_at_most(coordination.changed, remaining)
        return ()

    def _take(self, wanted: Collection[Partition], max_records: int) -> list[Record | Unreadable]:
        positions = self.coordination.positions
        if not self.coordination.assigned:
            return []
        got: list[Record | Unreadable] = []
        eligible = [partition for partition in wanted if partition in positions]
        self._rng.shuffle(eligible)
        for partition in eligible:
            room = max_records - len(got)
            if room > 0:
                records, positions[partition] = self._log.read(
                    partition, positions[partition], room
                )
                got += records
        return got

    def _send_commit(
        self, session: Session, commits: dict[Partition, Commit]
    ) -> asyncio.Future[dict[Partition, Code]]:
        def arrive() -> dict[Partition, Code]:
            return self._group.commit(session, commits)

        if not self.lose_next_answers:
            return self._network.call(arrive)
        landing = self.lose_next_answers.pop(0)
        self._truth.note(f"{self.process}: this commit gets no answer, lands in {landing}")
        if landing is None:
            return asyncio.get_running_loop().create_future()
        return self._network.send(landing, arrive, answered=False)

    def _results(
        self, answer: asyncio.Future[dict[Partition, Code]], commits: Mapping[Partition, Commit]
    ) -> dict[Partition, CommitResult]:
        if answer.done():
            return {partition: RESULTS[code] for partition, code in answer.result().items()}
        self._truth.note(f"{self.process}: commit unanswered")
        return dict.fromkeys(commits, CommitResult.UNANSWERED)

    def _membership_of(self, session: Session) -> Membership:
        for membership in reversed(self._memberships.all):
            if membership.session == session and membership.process == self.process:
                return membership
        raise self._truth.broken(
            "rule 5: captured identity", f"{self.process} commits as {session}"
        )

    def _note_commit(self, session: Session, sent: Mapping[Partition, Marks]) -> None:
        told = " ".join(
            f"{p.partition}@{marks.offset} done={sorted(marks.done)} claims={sorted(marks.claims)}"
            f"{' drained' if marks.drained else ''}"
            for p, marks in sent.items()
        )
        self._truth.note(f"{self.process} commits {session.member}/{session.generation}: {told}")
