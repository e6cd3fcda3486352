"""Does the process still do what it is there for? Judged by what is seen at one look after another.

Nothing is judged by itself: each sign is compared with how it was. One that stays the same for longer than
it can, while nothing explains it, is a verdict: the process is stuck, and only a restart helps. What the
world does is an explanation: while Kafka or Foundry is away there is nothing to be judged.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from consumer.model import Partition

Part = Literal["poll", "commits", "requests", "work", "fetch", "client"]
PARTS: Final[tuple[Part, ...]] = ("poll", "commits", "requests", "work", "fetch", "client")

_CLIENT: Final = 10.0
"""Seconds in which the client library's own error has reached the poll, where it reaches it at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How many seconds a sign may stay the same."""

    poll: float
    """A poll waits for as long as a rebalance lasts."""
    commit: float
    request: float
    """A request has a deadline of its own, which it may miss only by a moment."""
    work: float
    """What is asked to wait, by whoever asks it, says so; this is for what nothing explains."""
    fetch: float
    frozen: float
    """After so long a pause between two looks nothing that was seen before counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the core has on its hands at one look."""

    sessions: Hashable = ()
    """Those that it has partitions in."""
    settled: int = 0
    """Grows with every record that is settled."""
    records: int = 0
    """Taken in, and not settled."""
    requests: Collection[tuple[Hashable, float]] = ()
    """Each with when it was sent last; none that waits for its claim."""
    waits_for: str | None = "the start"
    """Why there is nothing to be done at this moment; None: there is no reason."""
    commit_owed_since: float | None = None
    """When the last commit was begun that left nothing out, of the partition where that is longest ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look at the process."""

    now: float
    work: Work
    member: bool
    """The group has answered us of late: Kafka is there, and so are we."""
    polls: int
    """Those that returned."""
    commits: int
    """Those that were answered or given up."""
    unread: Mapping[Partition, int] = field(default_factory=dict)
    """What is asked for and has more in the log, by the offset at which it stands."""
    ended: Collection[str] = ()
    """Tasks of the client library that never end, and have."""


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
    """Changes when it goes on."""
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
            # The process stood still as a whole, or the machine slept: whoever waits had no chance.
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
                verdict = Verdict(sign.part, f"{sign.why} for {seen.now - since:.0f} s")
        return verdict

    def _signs(self, seen: Seen) -> Iterator[_Sign]:
        if seen.ended:
            named = ", ".join(sorted(seen.ended))
            yield _Sign("client", (), named, _CLIENT, f"the Kafka client has lost its {named}")
        yield from self._of_requests(seen)
        if seen.member:
            yield from self._of_kafka(seen)
            yield from self._of_work(seen)

    def _of_requests(self, seen: Seen) -> Iterator[_Sign]:
        """Whether Foundry answers or not: it is given up at its deadline."""
        for request, sent_at in seen.work.requests:
            why = "a request to Foundry has not ended, in spite of its deadline,"
            yield _Sign("requests", request, sent_at, self._patience.request, why)

    def _of_kafka(self, seen: Seen) -> Iterator[_Sign]:
        patience, work = self._patience, seen.work
        # With the sessions: one rebalance after another holds up the poll, and is the group's affair.
        polls = seen.polls, work.sessions
        yield _Sign(
            "poll", (), polls, patience.poll, "no poll has returned, though the group answers,"
        )
        owed = work.commit_owed_since
        if owed is not None and seen.now - owed > patience.commit:
            why = "no commit was tried, though one is owed,"
            yield _Sign("commits", (), (seen.commits, work.sessions), patience.commit, why)
        for partition, position in seen.unread.items():
            place = f"{partition.topic}/{partition.partition}"
            why = f"nothing was fetched of {place} at {position}, though there is more,"
            yield _Sign("fetch", partition, position, patience.fetch, why)

    def _of_work(self, seen: Seen) -> Iterator[_Sign]:
        work = seen.work
        if work.records and work.waits_for is None:
            why = f"none of {work.records} records was settled or sent, and nothing explains it,"
            value = work.settled, work.records, work.sessions
            yield _Sign("work", (), value, self._patience.work, why)
