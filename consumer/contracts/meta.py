"""What a mapping function may know about a record besides its event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from consumer.model import Headers


@dataclass(frozen=True, slots=True)
class Meta:
    """A record's coordinates and envelope; in a replay or redrive: the first record's."""

    id: str
    """Never empty: the CloudEvents id, else `topic/partition/offset`."""
    type: str
    topic: str
    """The topic's name at the broker."""
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since the epoch; -1: unknown."""
    source: str | None = None
    time: datetime | None = None
    """The CloudEvents time, with its time zone."""
    subject: str | None = None
    key: bytes | None = None
    headers: Headers = ()
