"""What is known at the end, from three witnesses: the producer's receipts, the broker, Foundry's effect log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deploy.local.demo.events import Draft


class Place(NamedTuple):
    """Where a record stands; `topic` is the contract's."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Published:
    """An event that the broker acknowledged."""

    place: Place
    draft: Draft


@dataclass(frozen=True, slots=True)
class Effect:
    """One action that took effect. `time` is seconds since the epoch."""

    sequence: int
    time: float
    action: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Letter:
    """A record of a dead-letter topic."""

    place: Place | None
    """Of the record that it is about; None: it does not say."""
    reason: str
    key: bytes | None
    value: bytes | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the verdict is made of. `kills` in seconds since the epoch, the rest in seconds."""

    published: Sequence[Published]
    effects: Sequence[Effect]
    letters: Sequence[Letter]
    committed: Mapping[tuple[str, int], int]
    """By topic and partition: the offset that the group goes on from."""
    kills: Sequence[float] = field(default=())
    commit_interval: float = 1.0
    settle_time: float = 0.0
    """How long after a kill a request that was on its way may still take effect."""
