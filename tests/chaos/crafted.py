"""Evidence written by hand: a run in which every promise was kept, to be broken one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deploy.local.chaos.evidence import (
    KILL,
    Disturbance,
    Effect,
    Evidence,
    Letter,
    Look,
    Partition,
    Published,
    Request,
    Rules,
)
from deploy.local.chaos.oracle import Verdict, judge
from deploy.local.demo.evidence import Place

SPOT: Partition = ("orders", 0)
KILLED_AT = 100.0


@dataclass(slots=True)
class Run:
    """Records stand one after another in one partition, and take effect a second after another."""

    published: list[Published] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    disturbances: list[Disturbance] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    dropped: list[tuple[float, float]] = field(default_factory=list)
    stalls: list[tuple[float, float]] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    deserved: Mapping[str, frozenset[str]] = field(default_factory=dict)
    committed: int | None = None

    def publish(
        self, repeat: str = "safe", *, lane: str = "a", expect: str = "applied", steps: int = 1
    ) -> int:
        number = len(self.published)
        place = Place(*SPOT, number)
        steps = steps if expect == "applied" else 0
        repeat = repeat if expect == "applied" else ""
        self.published.append(Published(number, place, lane, repeat, steps, expect, number))
        return number

    def apply(self, number: int, at: float, *, step: int = 0, request: int = 0) -> None:
        sequence = len(self.effects) + 1
        self.effects.append(Effect(sequence, at, number, step, request or sequence))

    def bury(
        self, number: int, reason: str, at: float = 50.0, *, content: int | None = None
    ) -> None:
        content = number if content is None else content
        self.letters.append(Letter(at, Place(*SPOT, number), reason, content))

    def fail(self, *numbers: int, request: int, at: float = 10.0) -> None:
        """A request with these records that was not simply answered."""
        self.requests.append(Request(request, at, at + 1, frozenset(numbers)))

    def kill(
        self, *in_flight: int, at: float = KILLED_AT, done: int = 0, claims: Sequence[int] = ()
    ) -> None:
        """`done`: the watermark that the next owner finds."""
        claimed = sum(1 << (offset - done) for offset in claims)
        stored = {SPOT: Look(at, SPOT, done, 0, claimed)}
        self.disturbances.append(Disturbance(KILL, at, at, frozenset(in_flight), stored))

    def look(self, at: float, offset: int, done: int = 0) -> None:
        self.looks.append(Look(at, SPOT, offset, done))

    @property
    def verdict(self) -> Verdict:
        committed = len(self.published) if self.committed is None else self.committed
        return judge(
            Evidence(
                published=self.published,
                effects=self.effects,
                letters=self.letters,
                looks=self.looks,
                committed={SPOT: committed},
                disturbances=self.disturbances,
                requests=self.requests,
                dropped=self.dropped,
                stalls=self.stalls,
                strangers=self.strangers,
                rules=Rules(deserved=self.deserved),
            )
        )

    @property
    def broken(self) -> set[str]:
        """The oracles that found something."""
        return {name for name, found in self.verdict.faults.items() if found}


def good_run() -> Run:
    """Applied, ignored, and a letter that was due."""
    run = Run()
    for second, repeat in enumerate(("safe", "create", "ask", "never")):
        run.apply(run.publish(repeat), at=float(second))
    run.publish(expect="ignored")
    run.bury(run.publish(expect="invalid"), "invalid", at=5.0)
    run.look(at=60.0, offset=6)
    return run
