"""One session of one process, as the world sees it: which claims are durable in it, and how it ended.

The rules that a commit and a request have to keep are checked here, at the moment they leave the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from consumer.model import Partition, Prepared, Repeat
from consumer.store import Commit, CommitResult, Session
from tests.fakes.group import METADATA_LIMIT
from tests.fakes.log import Coordinate
from tests.fakes.marks import Marks, trusted
from tests.fakes.truth import Truth, name


@dataclass(slots=True)
class Membership:
    """A session from `assigned` to its end."""

    number: int
    began: float
    process: str
    session: Session
    truth: Truth
    max_claims: int
    fetched: dict[Partition, Marks | None]
    durable: dict[Partition, frozenset[int]] = field(default_factory=dict)
    """Claims that permit to send: acknowledged or inherited, and in every commit sent since."""
    last_sent: dict[Partition, Marks] = field(default_factory=dict)
    acknowledged: dict[Partition, Marks] = field(default_factory=dict)
    committing: set[Partition] = field(default_factory=set)
    denied: dict[Partition, str] = field(default_factory=dict)
    """Their latest commit was refused."""
    owned: set[Partition] = field(default_factory=set)
    settled_here: dict[Coordinate, float] = field(default_factory=dict)
    """Settled in this session and told by no acknowledged commit yet, and since when."""
    refused: set[Coordinate] = field(default_factory=set)
    """Told, after it was evicted, that the last request with these was certainly not executed."""
    sent: set[Coordinate] = field(default_factory=set)
    """Requests of this session left with these."""
    unanswered: bool = False
    stale: bool = False
    """The group had gone on without it before it began: it takes nothing over."""
    evicted: bool = False
    """The group went on without it: nothing that it commits is stored, and what it is told nobody else learns."""
    damage: str | None = None
    """Why the next owner may have to repeat something; None: no reason."""

    def __post_init__(self) -> None:
        for partition, marks in self.fetched.items():
            self.owned.add(partition)
            self.durable[partition] = marks.claims if marks else frozenset()
            if marks:
                self.last_sent[partition] = self.acknowledged[partition] = marks

    def spoil(self, why: str) -> None:
        """The next owner may have to repeat something; not where all was handed over before."""
        if self.owned:
            self.damage = self.damage or why

    def says_drained(self) -> bool:
        """What was sent last of each partition carries the flag."""
        return all(self.last_sent[each].drained for each in self.owned if each in self.last_sent)

    def inherited(self, coordinate: Coordinate) -> bool:
        """Claimed by somebody before this session began."""
        partition, offset = coordinate
        marks = self.fetched.get(partition)
        return marks is not None and offset in marks.claims

    def commit_leaves(self, commits: Mapping[Partition, Commit]) -> dict[Partition, Marks]:
        """Check it against all that is known, then count its claims as not yet durable."""
        read: dict[Partition, Marks] = {}
        for partition, commit in commits.items():
            if len(commit.metadata) > METADATA_LIMIT:
                raise self.truth.broken(
                    "metadata always fits", f"{len(commit.metadata)} characters"
                )
            marks = Marks.read(commit)
            assert marks is not None
            self._check_commit(partition, marks)
            read[partition] = marks
        for partition, marks in read.items():
            self.committing.add(partition)
            self.last_sent[partition] = marks
            self.durable[partition] = self.durable.get(partition, frozenset()) & marks.claims
        return read

    def commit_answered(
        self, sent: Mapping[Partition, Marks], results: Mapping[Partition, CommitResult]
    ) -> None:
        """Claims count from here on, if the commit was stored and this session may claim."""
        for partition, result in results.items():
            self.committing.discard(partition)
            self.denied.pop(partition, None)
            if result is CommitResult.REFUSED:
                self.denied[partition] = "its last commit was refused"
            elif result is CommitResult.STORED:
                self._acknowledge(partition, sent[partition])
            elif result is CommitResult.UNANSWERED:
                self.unanswered = True
                self.damage = self.damage or "a commit without an answer"
            elif result is CommitResult.LOST:
                self.damage = self.damage or "evicted"

    def request_leaves(self, entry: Prepared, coordinate: Coordinate) -> None:
        """Check what must be true of each record at the moment its bytes leave."""
        partition, offset = coordinate
        if partition not in self.owned:
            raise self.truth.broken("only owned partitions are sent", name(coordinate))
        if not entry.repeat.claimed:
            return
        if self.inherited(coordinate) and entry.repeat is Repeat.NEVER:
            raise self.truth.broken("rule 7: a suspect is never simply sent", name(coordinate))
        if coordinate in self.truth.may_be_applied and coordinate not in self.refused:
            raise self.truth.broken("rule 7: a suspect is never simply sent", name(coordinate))
        if offset not in self.durable[partition]:
            raise self.truth.broken(
                "rule 1: claim first", f"{name(coordinate)} has no durable claim"
            )

    def settled(self, coordinate: Coordinate) -> None:
        """The process was told that it is over; the commit that says so is still to come."""
        if coordinate[0] in self.owned:
            self.settled_here.setdefault(coordinate, self.truth.now())

    def oldest_uncommitted(self, partitions: set[Partition]) -> float:
        """Since when something of these is settled that no acknowledged commit tells; now if nothing is."""
        since = (at for (where, _), at in self.settled_here.items() if where in partitions)
        return min(since, default=self.truth.now())

    def _acknowledge(self, partition: Partition, marks: Marks) -> None:
        self.acknowledged[partition] = marks
        told = [
            spot for spot in self.settled_here if spot[0] == partition and marks.has_done(spot[1])
        ]
        for spot in told:
            del self.settled_here[spot]
        if not self.unanswered:
            self.durable[partition] = marks.claims

    def _check_commit(self, partition: Partition, marks: Marks) -> None:
        truth, where = self.truth, f"{partition.topic}/{partition.partition}"
        if partition in self.committing:
            raise truth.broken("rule 3: one commit in flight per partition", where)
        if marks.offset > truth.first_unsettled(partition):
            waiting = truth.first_unsettled(partition)
            raise truth.broken("law 1: nothing is lost", f"{where}@{marks.offset} passes {waiting}")
        start = truth.log.start(partition)
        for offset in marks.done:
            known = offset >= start and truth.log.exists((partition, offset))
            if known and (partition, offset) not in truth.settled:
                raise truth.broken("law 1: nothing is lost", f"{where}/{offset} is called done")
        self._check_whole(partition, marks)
        self._check_lane_claims(partition, marks)

    def _check_whole(self, partition: Partition, marks: Marks) -> None:
        before = self.last_sent.get(partition)
        if before is None:
            return
        if marks.offset < before.offset:
            raise self.truth.broken(
                "rule 2: whole snapshot", f"{partition} goes back to {marks.offset}"
            )
        for offset in before.done:
            if not marks.has_done(offset) and self.truth.log.exists((partition, offset)):
                raise self.truth.broken(
                    "rule 2: whole snapshot", f"{partition}/{offset} not done again"
                )
        for offset in before.claims - marks.claims:
            spot = partition, offset
            under_way = spot in self.truth.may_be_applied and (
                spot in self.sent or self.inherited(spot)
            )
            if under_way and not self.evicted and not marks.has_done(offset):
                raise self.truth.broken("rule 2: whole snapshot", f"claim {name(spot)} dropped")

    def _check_lane_claims(self, partition: Partition, marks: Marks) -> None:
        start = self.truth.log.start(partition)
        own = [offset for offset in marks.claims if not self.inherited((partition, offset))]
        before = self.last_sent.get(partition)
        new = set(own) - before.claims if before else own
        if len(new) > self.max_claims:
            raise self.truth.broken("claims are for free slots", f"{len(new)} new in {partition}")
        for offset in own:
            for earlier in self.truth.log.earlier_in_lane((partition, offset)):
                # Of what the log no longer has nobody knows the lane.
                if earlier >= start and not marks.has_done(earlier):
                    raise self.truth.broken(
                        "rule 15: lane claim", f"{partition}/{offset} before {earlier} is done"
                    )


@dataclass(slots=True)
class Memberships:
    """All sessions of all processes, in the order they began."""

    truth: Truth
    max_claims: int
    all: list[Membership] = field(default_factory=list)
    owner: dict[Partition, Membership] = field(default_factory=dict)

    def begin(
        self,
        process: str,
        session: Session,
        fetched: Mapping[Partition, Commit | None],
        *,
        stale: bool = False,
    ) -> Membership:
        """A session starts from what it read; what its forerunner left undone is explained or a fault."""
        marks = {partition: trusted(commit) for partition, commit in fetched.items()}
        membership = Membership(
            len(self.all), self.truth.now(), process, session, self.truth, self.max_claims, marks
        )
        self.all.append(membership)
        if stale:
            membership.stale = True
            membership.spoil("over before it began")
            for partition, read in marks.items():
                claims = read.claims if read else frozenset[int]()
                self.truth.unknown_explained |= {(partition, offset) for offset in claims}
            return membership
        for partition, read in marks.items():
            self._take_over(partition, read, self.owner.get(partition))
            self.owner[partition] = membership
        return membership

    def _take_over(
        self, partition: Partition, marks: Marks | None, former: Membership | None
    ) -> None:
        truth = self.truth
        if former is None:
            return
        known = marks or Marks(0, frozenset(), frozenset(), drained=False)
        open_ = [
            (partition, offset)
            for offset in truth.log.offsets(partition)
            if not known.has_done(offset)
        ]
        forgotten = [spot for spot in open_ if spot in former.settled_here]
        claims = {(partition, offset) for offset in known.claims}
        damage = former.damage or former.denied.get(partition)
        if damage is None:
            if forgotten:
                raise truth.broken(
                    "law 4: a graceful handover repeats nothing",
                    f"{former.process} left {' '.join(map(name, forgotten))} settled and not done",
                )
            # An `ask` that was read back is certain, too, but keeping its claim does no harm.
            left = claims - truth.may_be_applied - truth.read_back
            # Nor is it known here what a former owner was told after it had lost the partition.
            if left := {spot for spot in left if not truth.executed(spot)}:
                raise truth.broken("rule 8: release at drain", " ".join(map(name, left)))
        else:
            started = [spot for spot in open_ if spot in truth.settled or spot in truth.touched]
            truth.excuse(started, damage)
            truth.unknown_explained |= claims
            # Evicted by hand it may go on under these for a while, and knows that none was executed.
            former.refused |= claims - truth.may_be_applied
        truth.may_be_applied |= claims

    def evicted(self, member: str) -> None:
        """The group threw it out: whatever it had under way is open."""
        for membership in self.all:
            if membership.session.member == member:
                membership.evicted = True
                membership.spoil("evicted")
