"""Order per key: effects of one key come in the order of its partition, replays after a kill included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from deploy.local.demo.evidence import Place


class Occurrence(NamedTuple):
    """An effect, and which event asked for it with which of its actions."""

    sequence: int
    place: Place
    action: int
    repeatable: bool
    """A second one does no harm, so a replay brings it again; others it leaves out."""


Step = tuple[Place, int]


def misplaced(lanes: Mapping[str, Sequence[Occurrence]], *, replays: int) -> list[str]:
    """The faults, in words. Each lane may go back `replays` times: to what a kill made happen again.

    A replay has to be in order and to end where the lane had been, so that of all that sets a value the
    last one is that of the last event.
    """
    faults: list[str] = []
    for lane, occurrences in lanes.items():
        if not occurrences:
            continue
        faults += (f"{lane}: {fault}" for fault in _faults(sorted(occurrences), replays))
    return faults


def _faults(occurrences: Sequence[Occurrence], replays: int) -> Iterator[str]:
    seen: set[Step] = set()
    steps = [(each.place, each.action) for each in occurrences]
    latest = steps[0]
    turns = 0
    for before, here in itertools.pairwise(steps):
        seen.add(before)
        latest = max(latest, before)
        if here < latest and here not in seen:
            yield f"{here[0]} first came after {latest[0]}"
        elif here < before:
            turns += 1
    if turns > replays:
        yield f"went back {turns} times"
    settable = [step for each, step in zip(occurrences, steps, strict=True) if each.repeatable]
    if settable and settable[-1] != max(settable):
        yield f"ended with {settable[-1][0]}, which is older than {max(settable)[0]}"
