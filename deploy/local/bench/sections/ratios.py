"""What an event costs, as ratios against the bare limit, a loop without guarantees, the naive loop, and the SDK."""

from __future__ import annotations

from dataclasses import dataclass, field

from deploy.local.bench.figures import Section, Spread, Target, at_most
from deploy.local.bench.records import Load
from deploy.local.bench.runs import Contender, Run, measure
from deploy.local.bench.scale import Scale
from deploy.local.bench.world import World

KEYS = 10_000
FEW = 500
"""Events of the run that is taken off: what the end costs is in it."""
FEW_SLOW = 64

WORST_AGAINST_LOOP = 1.4
WORST_AGAINST_SLOW = 0.1

_NAMES: dict[Contender, str] = {
    "consumer": "this service, all guarantees",
    "bare": "(a) bare limit: read, send fixed bodies",
    "loop": "(b) same work, no guarantees",
    "naive": "(c) one record, one request, one commit",
    "sdk": "(d) official SDK, 64 gathered",
}


@dataclass(frozen=True, slots=True)
class Costs:
    """The runs of one contender, and microseconds of CPU an event in each round."""

    runs: list[Run] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)


def cost(few: Run, many: Run) -> float:
    """Microseconds of CPU an event: what more events took more."""
    return (many.working - few.working) / (many.events - few.events) * 1e6


def ratios(world: World, scale: Scale) -> Section:
    """Each round has each contender once, in another order each time."""
    few = world.topics.filled(Load(FEW, KEYS))
    many = world.topics.filled(Load(scale.events, KEYS))
    slow = {"naive": scale.naive_events, "sdk": scale.sdk_events}
    order: list[Contender] = list(_NAMES)
    costs = {contender: Costs() for contender in order}
    for number in range(scale.rounds):
        turn = number % len(order)
        for contender in order[turn:] + order[:turn]:
            if contender in slow:
                base = measure(world, contender, many, events=FEW_SLOW)
                run = measure(world, contender, many, events=slow[contender])
            else:
                base = measure(world, contender, few, events=FEW)
                run = measure(world, contender, many, events=scale.events)
            costs[contender].runs.append(run)
            costs[contender].microseconds.append(cost(base, run))
    return _section(costs)


def _section(costs: dict[Contender, Costs]) -> Section:
    consumer = costs["consumer"].microseconds
    against = {
        # Round by round: what disturbed one disturbed its neighbour.
        name: Spread(
            [ours / theirs for ours, theirs in zip(consumer, of.microseconds, strict=True)]
        )
        for name, of in costs.items()
    }
    rows = [
        {
            "contender": _NAMES[name],
            "CPU an event, µs": Spread(of.microseconds).shown(1),
            "service / it": "" if name == "consumer" else against[name].shown(3),
            "events/s": Spread([run.per_second for run in of.runs]).shown(0),
            "a request": f"{of.runs[-1].per_request:.1f}",
            "peak MiB": Spread([run.peak_mib for run in of.runs]).shown(0),
        }
        for name, of in costs.items()
    ]
    targets: list[Target] = [
        at_most("CPU against (b)", against["loop"].median, WORST_AGAINST_LOOP, "x"),
        at_most("CPU against (c)", against["naive"].median, WORST_AGAINST_SLOW, "x"),
        at_most("CPU against (d)", against["sdk"].median, WORST_AGAINST_SLOW, "x"),
    ]
    return Section(
        "ratios",
        "An event's cost at a sink that answers at once; 16 requests in flight, batches of 20",
        rows,
        targets,
        "user and system time from the first request on, less a run of few events; median (least to most) of rounds",
        {name: {"microseconds": of.microseconds} for name, of in costs.items()},
    )
