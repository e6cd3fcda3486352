"""Memory and cost, however much waits and however many keys there are."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.local.bench.figures import Section, Spread, Target, at_most
from deploy.local.bench.records import Load
from deploy.local.bench.runs import Run, measure
from deploy.local.bench.scale import Scale
from deploy.local.bench.sections.ratios import FEW, KEYS, cost
from deploy.local.bench.world import World

MOST_MIB = 200.0
FLAT = 1.1
_FULL = 19.0
"""Events a request from which on batches are full: with fewer lanes requests, not events, are paid for."""
_MANY_KEYS = (1, 100, 1_000, 10_000, 100_000)
_ONE_KEY_EVENTS = 2_000
_KEY_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Heap:
    """Runs over one load."""

    load: Load
    runs: list[Run]
    microseconds: list[float]

    @property
    def cost(self) -> Spread:
        return Spread(self.microseconds)

    @property
    def full(self) -> bool:
        return self.runs[-1].per_request >= _FULL

    @property
    def peak_mib(self) -> float:
        return max(run.peak_mib for run in self.runs)


def backlog(world: World, scale: Scale) -> Section:
    """Every load once a round, beside a small one that is taken off."""
    loads = [Load(events, KEYS) for events in scale.backlogs]
    for count in _MANY_KEYS:
        events = _ONE_KEY_EVENTS if count == 1 else max(_KEY_EVENTS, count)
        loads.append(Load(events, count))
    few = world.topics.filled(Load(FEW, KEYS))
    heaps = [Heap(load, [], []) for load in dict.fromkeys(loads)]
    for _ in range(scale.side_rounds):
        base = measure(world, "consumer", few, events=FEW)
        for heap in heaps:
            topic = world.topics.filled(heap.load)
            run = measure(world, "consumer", topic, events=heap.load.events)
            heap.runs.append(run)
            heap.microseconds.append(cost(base, run))
    return _section(heaps, set(scale.backlogs))


def _section(heaps: list[Heap], backlogs: set[int]) -> Section:
    rows = [
        {
            "events": f"{heap.load.events:,}",
            "keys": f"{heap.load.keys:,}",
            "CPU an event, µs": heap.cost.shown(1),
            "a request": f"{heap.runs[-1].per_request:.1f}",
            "events/s": Spread([run.per_second for run in heap.runs]).shown(0),
            "peak MiB": f"{heap.peak_mib:.0f}",
        }
        for heap in heaps
    ]
    waiting = [h for h in heaps if h.load.keys == KEYS and h.load.events in backlogs]
    keyed = [h for h in heaps if h.full and h not in waiting]
    targets: list[Target] = [
        at_most("peak memory", max(heap.peak_mib for heap in heaps), MOST_MIB, " MiB"),
        at_most("dearest backlog against the cheapest", _steepness(waiting), FLAT, "x"),
        at_most("dearest number of keys against the cheapest", _steepness(keyed), FLAT, "x"),
    ]
    return Section(
        "backlog",
        "Memory and cost by backlog and by keys, at a sink that answers at once",
        rows,
        targets,
        "keys are compared where there are lanes enough to fill requests",
        {f"{h.load.events}/{h.load.keys}": {"microseconds": h.microseconds} for h in heaps},
    )


def _steepness(heaps: list[Heap]) -> float:
    costs = [heap.cost.median for heap in heaps]
    return max(costs) / min(costs) if costs else 1.0
