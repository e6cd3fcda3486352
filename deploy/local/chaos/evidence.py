"""What the verdict is made of: receipts of the broker, Foundry's logs, letters, looks at the group's store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from deploy.local.demo.evidence import Place

Partition = tuple[str, int]
ONCE = frozenset({"ask", "never"})
"""Kinds of `repeat` of which a second effect does harm."""

KILL, STOP, BROKER = "kill", "stop", "broker"
"""What a disturbance may be."""


class Published(NamedTuple):
    """A record that the broker acknowledged. Times are seconds since the epoch, here and below."""

    number: int
    place: Place
    lane: str | None
    """None: it is ordered with nothing."""
    repeat: str
    """Empty where it is not to be applied."""
    steps: int
    """How many actions it becomes."""
    expect: str
    """`applied`, `ignored`, or the reason of its letter."""
    content: int
    """A hash of key and value."""


class Effect(NamedTuple):
    """One action that took effect."""

    sequence: int
    time: float
    number: int
    """Of the record that asked for it."""
    step: int
    """Which of the record's actions it is."""
    request: int


class Letter(NamedTuple):
    """A dead letter; `time` is when the broker appended it."""

    time: float
    place: Place | None
    reason: str
    content: int


class Request(NamedTuple):
    """A request that was not simply answered: by an error, by somebody else, for nobody, or so late that nobody may have waited."""

    number: int
    began: float
    ended: float
    records: frozenset[int]


class Look(NamedTuple):
    """What the store said of a partition; bit i of a bitmap stands for `offset` + i."""

    time: float
    partition: Partition
    offset: int
    done: int = 0
    claims: int = 0

    def is_done(self, offset: int) -> bool:
        ahead = offset - self.offset
        return ahead < 0 or bool(self.done >> ahead & 1)

    @property
    def end(self) -> int:
        """Nothing is done from here on."""
        return self.offset + self.done.bit_length()

    def is_claimed(self, offset: int) -> bool:
        ahead = offset - self.offset
        return ahead >= 0 and bool(self.claims >> ahead & 1)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A process was killed or stood still, or the broker was away: what an heir may have to do again."""

    what: str
    began: float
    ended: float
    in_flight: frozenset[int] = frozenset()
    """Records whose requests Foundry had, and had not answered, when it began."""
    stored: Mapping[Partition, Look] = field(default_factory=dict)
    """What the next owner finds."""
    phases: Mapping[str, int] = field(default_factory=dict)
    """How many records were how far when it began."""
    point: str = ""
    """Where the process did it to itself; empty: it was done at any moment."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the scenario allows, beside what the promises allow in any case."""

    attempts: float = 5
    """`retry.attempts`: so many failures deserve a letter `exhausted`."""
    commit_interval: float = 1.0
    settle_time: float = 2.0
    request_timeout: float = 3.0
    deserved: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By lane: letters that its records deserve by what the scenario does to them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it. `looks` are oldest first, and only those that differ from the one before."""

    published: Sequence[Published]
    effects: Sequence[Effect]
    letters: Sequence[Letter] = ()
    looks: Sequence[Look] = ()
    committed: Mapping[Partition, int] = field(default_factory=dict)
    disturbances: Sequence[Disturbance] = ()
    requests: Sequence[Request] = ()
    dropped: Sequence[tuple[float, float]] = ()
    """From when to when Foundry closed all its connections: what was written to them last it never saw."""
    stalls: Sequence[tuple[float, float]] = ()
    """From when to when Foundry itself stood still, on a machine that is busy: what it was sent it read too late."""
    strangers: Sequence[str] = ()
    """Effects that no published record asked for."""
    rules: Rules = field(default_factory=Rules)
