"""What stands in the store for a partition, as the world reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consumer.state import offset_codec
from consumer.store import Commit


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands in the store for a partition: watermark, done above it, claims."""

    offset: int
    done: frozenset[int]
    claims: frozenset[int]
    drained: bool

    @classmethod
    def read(cls, commit: Commit | None) -> Marks | None:
        """None where nothing of ours is stored."""
        if commit is None:
            return None
        known = offset_codec.decode(commit.metadata)
        if known is None:
            return cls(commit.offset, frozenset(), frozenset(), drained=False)
        done = frozenset(_positions(known.done, commit.offset))
        claims = frozenset(_positions(known.claims, commit.offset))
        return cls(commit.offset, done, claims - done, known.drained)

    def has_done(self, offset: int) -> bool:
        return offset < self.offset or offset in self.done


def trusted(stored: Commit | None) -> Marks | None:
    """What a new session knows; damaged metadata says nothing that can be relied on."""
    try:
        return Marks.read(stored)
    except offset_codec.Damaged:
        return None


def _positions(bitmap: int, origin: int) -> Iterable[int]:
    while bitmap:
        lowest = bitmap & -bitmap
        yield origin + lowest.bit_length() - 1
        bitmap ^= lowest
