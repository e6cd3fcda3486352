"""What a scenario is: the world it is given, its script, and the defects that it must catch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from deploy.local.chaos.defects import Defect
from deploy.local.chaos.patches import Patch
from deploy.local.chaos.settings import Changes
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix

OFTEN = 20


@dataclass(frozen=True, slots=True)
class Given:
    """The world before anything goes wrong. Durations in seconds."""

    processes: int = 1
    rate: int = 200
    """Events a second."""
    mix: Mix = field(default_factory=Mix)
    latency: tuple[float, float] = (0.02, 0.08)
    """Of Foundry: between."""
    token_lives: float = 3600.0
    settings: Changes = field(default_factory=dict)
    jumping_clock: bool = False
    """The processes' wall clock can be set."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` is called while the load is on, and returns when its time is over."""

    name: str
    does: str
    play: Callable[[Stage], Awaitable[None]]
    defects: Sequence[Defect]
    """The first is the one that `--prove` seeds."""
    given: Given = field(default_factory=Given)
    seconds: float = 20.0
    """How long it plays in the tour, at least."""
    points: Sequence[str] = ()
    """Where it hits the processes: see `ambush.POINTS`."""
    patches: Sequence[Patch] = ()
    """What else the program is made to do."""
    long: float = 900.0
    """Seconds for which it has to play until it has hit each of them often."""

    def short_of(self, hits: Mapping[str, int], seconds: float) -> list[str]:
        """The points that were not hit as often as they are to be."""
        least = OFTEN if self.is_long(seconds) else 1
        seldom = [point for point in self.points if hits.get(point, 0) < least]
        return [f"{point!r} was hit {hits.get(point, 0)} times, not {least}" for point in seldom]

    def is_long(self, seconds: float) -> bool:
        return seconds >= self.long
