"""What is said to the group's store, and what it says: by whose membership, up to where, and what became of it."""

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
    """What the group's store says of a partition, read after the join; `offset` is the next to consume."""

    offset: int
    metadata: str = ""
    known: bool = True
    """False: the group never committed here, `offset` is the initial one."""
    topic_id: str | None = None
    """Which topic has the name now; None: the broker does not tell."""


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
    """Not stored: the partition is not this session's any more."""
    AGAIN = "again"
    """Answered and not to be counted on, or never sent: commit the same content or newer again."""
    REFUSED = "refused"
    """Never storable as it is (size, authorisation): send nothing more for the partition, and say so."""
    UNANSWERED = "unanswered"
    """It may land later, over newer ones: it ends the session."""
