"""A consumer group's coordinator, eager protocol: members, generations, and the store of committed offsets.

It answers as Apache Kafka's does, wrong-looking things included: it stores a commit of generation -1
when the group is empty, and a late one over a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from consumer.model import Partition
from consumer.store import Commit, Session
from tests.fakes.network import later, resolve

METADATA_LIMIT = 4_096


class Code(Enum):
    """Kafka's error codes, as far as this coordinator gives them."""

    NONE = 0
    METADATA_TOO_LARGE = 12
    COORDINATOR_LOADING = 14
    ILLEGAL_GENERATION = 22
    UNKNOWN_MEMBER = 25
    REBALANCE_IN_PROGRESS = 27
    TOPIC_DENIED = 29


class State(Enum):
    EMPTY = "empty"
    PREPARING = "preparing"
    COMPLETING = "completing"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to join and sync in one."""

    session: Session
    partitions: tuple[Partition, ...]


@dataclass(slots=True)
class Member:
    id: str
    expires: float
    waiting: asyncio.Future[Joined | Code] | None = None
    partitions: tuple[Partition, ...] = ()


@dataclass(slots=True)
class FakeGroup:
    """One group; its methods are what arrives at the broker."""

    partitions: list[Partition]
    now: Callable[[], float]
    note: Callable[[str], None]
    on_eviction: Callable[[str], None]
    """Told of each member that goes without having left."""
    session_timeout: float = 45.0
    rebalance_timeout: float = 30.0
    silent_until: float = 0.0
    """Frozen until then, its timers too."""
    state: State = State.EMPTY
    generation: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    store: dict[Partition, Commit] = field(default_factory=dict)
    refuse_next: list[tuple[Partition, Code]] = field(default_factory=list)
    """The next commits of these partitions get this code instead."""
    denied: set[Partition] = field(default_factory=set)
    """Commits of these are refused, all the while."""
    rotation: int = 0
    """Which member gets the first partition; moving it moves them all."""
    _joins: int = 0
    _prepared: int = 0

    def join(self, member: str) -> asyncio.Future[Joined | Code]:
        """Wait for the others, get the partitions, or hear that one is no member any more; "" is a new one."""
        if member not in self.members:
            self._joins += 1
            member = f"m{self._joins}"
            self.members[member] = Member(member, self.now() + self.session_timeout)
            self._watch_expiry(member)
        waiting: asyncio.Future[Joined | Code] = asyncio.get_running_loop().create_future()
        self.members[member].waiting = waiting
        self._prepare(f"{member} joins")
        self._complete_if_all_joined()
        return waiting

    def heartbeat(self, session: Session) -> Code:
        """Keeps the member alive, even while a rebalance is announced to it."""
        code = self._check(session)
        if code is not Code.NONE:
            return code
        self.members[session.member].expires = self.now() + self.session_timeout
        return Code.NONE if self.state is State.STABLE else Code.REBALANCE_IN_PROGRESS

    def knows(self, session: Session) -> bool:
        """False: the group has gone on without it."""
        return self._check(session) is Code.NONE

    def leave(self, member: str) -> None:
        """Gone at once; what it still sends is refused."""
        if member in self.members:
            self._remove(member, "leaves")

    def evict(self, member: str) -> None:
        """Removed by an administrator or by the session timeout."""
        if member in self.members:
            self.on_eviction(member)
            self._remove(member, "is evicted")

    def rebalance(self) -> None:
        """As if a topic or a member had changed: everybody has to join again."""
        if self.members:
            self.rotation += 1
            self._prepare("rebalance")

    def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> dict[Partition, Code]:
        """Store or refuse, each partition on its own."""
        code = self._may_commit(session)
        answers = {
            partition: self._store(partition, commit, code) for partition, commit in commits.items()
        }
        told = " ".join(
            f"{partition.partition}@{commits[partition].offset}={answers[partition].name}"
            for partition in commits
        )
        self.note(f"store {session.member}/{session.generation}: {told}")
        return answers

    def faults_end(self) -> None:
        """Commits are refused for what is wrong with them alone."""
        self.refuse_next.clear()
        self.denied.clear()

    def fetch(self, partitions: tuple[Partition, ...]) -> dict[Partition, Commit | None]:
        """What is stored now."""
        return {partition: self.store.get(partition) for partition in partitions}

    def _store(self, partition: Partition, commit: Commit, code: Code) -> Code:
        for index, (refused, instead) in enumerate(self.refuse_next):
            if refused == partition:
                del self.refuse_next[index]
                return instead
        if code is Code.NONE and partition in self.denied:
            return Code.TOPIC_DENIED
        if code is Code.NONE and len(commit.metadata) > METADATA_LIMIT:
            return Code.METADATA_TOO_LARGE
        if code is Code.NONE:
            self.store[partition] = commit
        return code

    def _may_commit(self, session: Session) -> Code:
        if session.generation < 0 and self.state is State.EMPTY:
            return Code.NONE
        code = self._check(session)
        if code is Code.NONE and self.state is State.COMPLETING:
            return Code.REBALANCE_IN_PROGRESS
        return code

    def _check(self, session: Session) -> Code:
        if session.member not in self.members:
            return Code.UNKNOWN_MEMBER
        if session.generation != self.generation:
            return Code.ILLEGAL_GENERATION
        return Code.NONE

    def _prepare(self, why: str) -> None:
        if self.state is State.PREPARING:
            return
        self.note(f"group: {why}, generation {self.generation} ends")
        self.state = State.PREPARING
        self._prepared += 1
        round_ = self._prepared
        later(self.rebalance_timeout, lambda: self._expire_round(round_))

    def _expire_round(self, round_: int) -> None:
        if self.silent_until > self.now():
            later(self.silent_until - self.now() + 0.01, lambda: self._expire_round(round_))
        elif self.state is State.PREPARING and self._prepared == round_:
            for member in [m.id for m in self.members.values() if m.waiting is None]:
                self.on_eviction(member)
                self._forget(member, "did not join in time")
            self._complete_if_all_joined()

    def _complete_if_all_joined(self) -> None:
        if self.state is not State.PREPARING:
            return
        if not self.members:
            self.state = State.EMPTY
            return
        if any(member.waiting is None for member in self.members.values()):
            return
        self.generation += 1
        self.state = State.COMPLETING
        for member in self.members.values():
            member.expires = self.now() + self.session_timeout
        generation = self.generation
        later(0.003, lambda: self._stabilise(generation))

    def _stabilise(self, generation: int) -> None:
        if self.state is not State.COMPLETING or generation != self.generation:
            return
        self.state = State.STABLE
        self._assign()
        for member in self.members.values():
            if member.waiting is not None:
                session = Session(member.id, self.generation)
                resolve(member.waiting, Joined(session, member.partitions))
                member.waiting = None

    def _assign(self) -> None:
        members = list(self.members.values())
        shares: dict[str, list[Partition]] = {member.id: [] for member in members}
        for index, partition in enumerate(self.partitions):
            shares[members[(index + self.rotation) % len(members)].id].append(partition)
        for member in members:
            member.partitions = tuple(shares[member.id])
        told = ", ".join(
            f"{member.id} has {[partition.partition for partition in member.partitions]}"
            for member in members
        )
        self.note(f"group: generation {self.generation}: {told}")

    def _remove(self, member: str, why: str) -> None:
        self._forget(member, why)
        if self.members:
            self._prepare(f"{member} {why}")
            self._complete_if_all_joined()
        else:
            self.state = State.EMPTY
            self.generation += 1

    def _forget(self, member: str, why: str) -> None:
        self.note(f"group: {member} {why}")
        waiting = self.members.pop(member).waiting
        if waiting is not None:
            # Kafka answers a join that waits before it removes the member; unanswered, it would wait for ever.
            resolve(waiting, Code.UNKNOWN_MEMBER)

    def _watch_expiry(self, member: str) -> None:
        known = self.members.get(member)
        if known is None:
            return
        wait = max(known.expires, self.silent_until + 0.01) - self.now()
        # A member that waits for the others is alive as far as the coordinator knows.
        if wait <= 0 and known.waiting is None:
            self.evict(member)
        else:
            later(max(wait, 1.0), lambda: self._watch_expiry(member))
