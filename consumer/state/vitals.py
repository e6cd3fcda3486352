"""Does the process still do its work? Judged from one look at it after another.

No look is judged by itself: each sign is compared with how it was before. If one stays the same for longer
than it should, and nothing explains that, the verdict is that the process is stuck, and only a restart helps.
What the world does is an explanation: while Kafka or Foundry is away there is nothing to judge.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from consumer.model import Partition

Part = Literal["poll", "commits", "requests", "work", "fetch", "client"]
PARTS: Final[tuple[Part, ...]] = ("poll", "commits", "requests", "work", "fetch", "client")

_CLIENT: Final = 10.0
"""Seconds within which an error of the client library reaches the poll, if it does at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how many seconds each sign may stay the same."""

    poll: float
    """A poll waits for as long as a rebalance lasts."""
    commit: float
    request: float
    """A request has its own deadline, which it may miss only by a moment."""
    work: float
    """For records that wait without any known reason; every known reason for waiting counts as an explanation."""
    fetch: float
    frozen: float
    """After so long a pause between two looks, nothing that was seen before it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the core has to do at one look."""

    sessions: Hashable = ()
    """The sessions in which it has partitions."""
    settled: int = 0
    """Grows with every record that is settled."""
    records: int = 0
    """How many are taken in and not settled."""
    requests: Collection[tuple[Hashable, float]] = ()
    """Those in flight, each with when it was sent last; none that waits for its claim."""
    waits_for: str | None = "the start"
    """Why nothing needs to be done at this moment; None: there is no reason."""
    commit_owed_since: float | None = None
    """The earliest, over the partitions, of the times at which each last had nothing left to commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look at the process."""

    now: float
    work: Work
    member: bool
    """The group has answered us lately: Kafka is there, and we are in the group."""
    polls: int
    """How many polls have returned."""
    commits: int
    """How many commits were answered or given up."""
    unread: Mapping[Partition, int] = field(default_factory=dict)
    """Partitions that are wanted and have more in the log, with the offset at which each stands."""
    ended: Collection[str] = ()
    """Tasks of the client library that should never end, but have."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is stuck, and the sentence that says so."""

    part: Part
    why: str


@dataclass(frozen=True, slots=True)
class _Sign:
    part: Part
    about: Hashable
    value: Hashable
    """Changes whenever there is progress."""
    patience: float
    why: str


class Vitals:
    """Times are seconds of one clock."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._since: dict[Hashable, tuple[Hashable, float]] = {}
        self._looked: float | None = None

    def look(self, seen: Seen) -> Verdict | None:
        """What is stuck by now; None: nothing is."""
        if self._looked is not None and seen.now - self._looked > self._patience.frozen:
            # The whole process stood still, or the machine slept: nothing had a chance to make progress.
            self._since.clear()
        self._looked = seen.now
        before, self._since = self._since, {}
        verdict = None
        for sign in self._signs(seen):
            key = sign.part, sign.about
            value, since = before.get(key, (None, seen.now))
            if value != sign.value:
                since = seen.now
            self._since[key] = sign.value, since
            if verdict is None and seen.now - since > sign.patience:
                verdict = Verdict(sign.part, f"for {seen.now - since:.0f} s {sign.why}")
        return verdict

    def _signs(self, seen: Seen) -> Iterator[_Sign]:
        if seen.ended:
            named = ", ".join(sorted(seen.ended))
            yield _Sign(
                "client", (), named, _CLIENT, f"the Kafka client has been without its {named}"
            )
        yield from self._of_requests(seen)
        if seen.member:
            yield from self._of_kafka(seen)
            yield from self._of_work(seen)

    def _of_requests(self, seen: Seen) -> Iterator[_Sign]:
        """Judged even while Foundry is away: a request is given up at its deadline in any case."""
        for request, sent_at in seen.work.requests:
            why = "a request to Foundry has been in flight, past its deadline"
            yield _Sign("requests", request, sent_at, self._patience.request, why)

    def _of_kafka(self, seen: Seen) -> Iterator[_Sign]:
        patience, work = self._patience, seen.work
        # With the sessions: one rebalance after another holds up the poll, which is the group's doing.
        polls = seen.polls, work.sessions
        yield _Sign(
            "poll", (), polls, patience.poll, "no poll has returned, though the group answers"
        )
        owed = work.commit_owed_since
        if owed is not None and seen.now - owed > patience.commit:
            why = "no commit has been attempted, though one is due"
            yield _Sign("commits", (), (seen.commits, work.sessions), patience.commit, why)
        for partition, position in seen.unread.items():
            place = f"{partition.topic}/{partition.partition}"
            why = (
                f"nothing has been fetched from {place} at offset {position}, though there is more"
            )
            yield _Sign("fetch", partition, position, patience.fetch, why)

    def _of_work(self, seen: Seen) -> Iterator[_Sign]:
        work = seen.work
        if work.records and work.waits_for is None:
            why = (
                f"none of {work.records} records has been settled or sent, and nothing explains it"
            )
            value = work.settled, work.records, work.sessions
            yield _Sign("work", (), value, self._patience.work, why)
