"""What goes to the group's offset store, and what comes back: in whose name, up to which offset, with what result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Session:
    """A membership of the group as it was when the partitions were assigned."""

    member: str
    generation: int


@dataclass(frozen=True, slots=True)
class Committed:
    """What the store holds for a partition, read after the join; `offset` is the next to consume."""

    offset: int
    metadata: str = ""
    known: bool = True
    """False: the group never committed here, and `offset` is the initial one."""
    topic_id: str | None = None
    """The id of the topic that has this name now (KIP-516); None: the broker does not say."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What is to be stored for a partition: one snapshot."""

    offset: int
    metadata: str


class CommitResult(Enum):
    """What became of a commit, for one partition."""

    STORED = "stored"
    REBALANCING = "rebalancing"
    """Not stored: a join is under way; wait for the revocation."""
    LOST = "lost"
    """Not stored: the partition no longer belongs to this session."""
    AGAIN = "again"
    """Answered but not to be relied on, or never sent: commit the same content, or newer, again."""
    REFUSED = "refused"
    """Never storable as it is (size, authorisation): send nothing more for the partition, and say so."""
    UNANSWERED = "unanswered"
    """It may land later, over newer ones: it ends the session."""
