"""What the core needs of the world, as Protocols. `app` puts Kafka, Foundry and telemetry behind them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from consumer.model import Letter, Lookup, Partition, Prepared, Record, Request, Unreadable
from consumer.outcomes import Answer, LookupOutcome, Outcome
from consumer.store import Commit, CommitResult, Committed, Session


class Clock(Protocol):
    """The clock that the lease goes by: it keeps running while the machine sleeps."""

    def now(self) -> float:
        """Seconds, monotonic."""
        ...


class Listener(Protocol):
    """Called by the source, during a rebalance of the group. None of these raises."""

    async def assigned(self, session: Session, committed: Mapping[Partition, Committed]) -> None:
        """A new session begins; partitions are read from `committed[..].offset` on."""
        ...

    async def revoked(self, partitions: Collection[Partition]) -> bool:
        """Drain, commit, forget. False: requests are still alive, so the group must not be left."""
        ...

    def lost(self, partitions: Collection[Partition]) -> None:
        """They were taken away without notice: nothing is committed, and late work ends in an orphaned tenure."""
        ...


class Source(Protocol):
    """Records in, commits back: one member of one consumer group."""

    async def join(self, listener: Listener) -> None:
        """Join the group; the listener is told of each session.

        Raises:
            StartRefused: a topic is missing, access is denied, no broker answers.
        """
        ...

    @property
    def stuck(self) -> Mapping[Partition, str]:
        """Partitions that cannot be read any further, and why: a corrupt batch, an offset out of range."""
        ...

    async def skip(self, partition: Partition, offset: int) -> str:
        """Go on after what is stuck at this offset; returns a sentence that says what that is.

        What is passed over is returned by `poll`, as an `Unreadable` that is `skipped`.

        Raises:
            SkipRefused: nothing is stuck at this offset, or where it ends is not known.
        """
        ...

    async def close(self, *, leave: bool) -> None:
        """End the membership. `leave=False`: vanish, so that the session timeout covers what is still alive.

        Bounded in time; never raises. Does not call the listener.
        """
        ...

    async def poll(
        self, wanted: Collection[Partition], max_records: int, wait: float
    ) -> Sequence[Record | Unreadable]:
        """Records of the wanted partitions, each partition's in order and without gaps of our making.

        With nothing wanted it still polls, as the group needs it, and returns nothing. Waits at most
        `wait` seconds, or longer while a rebalance is under way. Must not be cancelled.
        """
        ...

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        """Commit in the name of `session`, never of a later one. Bounded in time; never raises."""
        ...

    def position(self, partition: Partition) -> int:
        """The next offset to be fetched: everything before it was returned by `poll`, or is not a record.

        So it moves past transaction markers and past what compaction removed.
        """
        ...

    async def end_offsets(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """The offset after the last record that can be read now.

        Raises:
            Unavailable: the brokers did not say.
        """
        ...

    def lease(self) -> float:
        """Clock time until which this membership is certain."""
        ...

    async def rejoin(self) -> None:
        """Leave the group and join it as a new member; the old member's commits are refused from then on."""
        ...


class Actions(Protocol):
    """Foundry, as the service user sees it. Neither method raises for anything the network does."""

    async def send(self, request: Request) -> Outcome: ...

    async def look_up(self, lookup: Lookup) -> LookupOutcome: ...


class DeadLetters(Protocol):
    """The dead-letter topics."""

    async def write(self, letter: Letter) -> None:
        """Returns when all in-sync replicas have it.

        Raises:
            Unavailable: it was not acknowledged; it may have been written all the same.
        """
        ...


Checks = Callable[[], Mapping[str, str]]
"""What has to hold, by name: an empty text while it does, else one sentence that says what is wrong.

Called from the event loop at any time, mostly by probes: quick, never raises, always the same names.
"""


class Watch(Protocol):
    """Sees everything that happens, and is called once per request rather than once per record."""

    def applied(self, entries: Sequence[Prepared], *, already: bool) -> None: ...
    def ignored(self, record: Record, why: str) -> None: ...
    def lettered(self, letter: Letter) -> None: ...
    def retried(self, action: str, answer: Answer, delay: float) -> None: ...
    def unknown(self, entries: Sequence[Prepared], answer: Answer) -> None: ...
    def gate_closed(self, scope: str, reason: str, answer: Answer, remedy: str | None) -> None: ...
    def gate_opened(self, scope: str, reason: str) -> None: ...
    def committed(self, results: Mapping[Partition, CommitResult]) -> None: ...
    def assigned(self, partitions: Collection[Partition]) -> None: ...
    def revoked(self, partitions: Collection[Partition], *, drained: bool) -> None: ...
    def held(self, partition: Partition, why: str) -> None:
        """A partition stands still until somebody acts; reported once each time it begins."""
        ...

    def goes_on(self, partition: Partition, why: str) -> None:
        """One that was held for something here goes on."""
        ...

    def noted(self, partition: Partition, what: str) -> None:
        """Something an operator should know: foreign metadata, claims inherited, offsets gone."""
        ...
