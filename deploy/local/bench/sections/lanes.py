"""Order by key in one partition: as fast as a bare loop, and never more in flight than allowed."""

from __future__ import annotations

from deploy.local.bench.figures import Section, Spread, Target, at_most
from deploy.local.bench.records import Load
from deploy.local.bench.runs import Contender, Run, measure
from deploy.local.bench.scale import Scale
from deploy.local.bench.world import World

IN_FLIGHT = 100
DELAY = (0.0, 0.005)
SLOW_DELAY = (0.4, 0.4)
SLOW_EVENTS = 2_000
WORST_OF_BARE = 1.1
WORST_SLOW = SLOW_EVENTS / IN_FLIGHT * SLOW_DELAY[1] * 1.1
ABOUT_A_SECOND = 1.25
_EVENTS = 10_000
_KEYS = (1, 10, 100, 1_000, 10_000)
_FEW = 10
"""Up to here the keys, not the machine, say how fast it goes."""


def keys(world: World, scale: Scale) -> Section:
    """0 to 5 ms a request: one record in each, beside a bare loop with a queue for each key, and in batches."""
    rows: list[dict[str, str]] = []
    targets: list[Target] = []
    figures: dict[str, object] = {}
    for count in _KEYS:
        events = scale.one_key_events if count == 1 else _EVENTS
        ours, bare = _side_by_side(world, events, count, 1 if count == 1 else scale.side_rounds)
        ratios = Spread([a.seen.seconds / b.seen.seconds for a, b in zip(ours, bare, strict=True)])
        batched = _batched(world, events, count, len(ours))
        together = Spread([run.seen.seconds for run in batched])
        rows.append(
            {
                "keys": f"{count:,}",
                "events": f"{events:,}",
                "seconds, alone": Spread([run.seen.seconds for run in ours]).shown(),
                "bare loop": Spread([run.seen.seconds for run in bare]).shown(),
                "/ bare": ratios.shown(),
                "seconds, in batches": together.shown(),
                "a request": f"{batched[-1].per_request:.1f}",
                "in flight": str(max(run.seen.most_in_flight for run in ours + batched)),
            }
        )
        figures[str(count)] = {"seconds": together.values, "ratios": ratios.values}
        if count <= _FEW:
            what = f"{count} key{'s' if count > 1 else ''} against the bare loop"
            targets.append(at_most(what, ratios.median, WORST_OF_BARE, "x"))
        else:
            what = f"{events:,} events over {count:,} keys, in batches"
            targets.append(at_most(what, together.median, ABOUT_A_SECOND, " s"))
    return Section(
        "keys",
        f"One partition, 0 to 5 ms a request, {IN_FLIGHT} in flight",
        rows,
        targets,
        "seconds: from the first request's arrival to the last one's answer; alone: one record a request,"
        " as the bare loop; in batches: as many as have gathered, up to 20",
        figures,
    )


def _batched(world: World, events: int, count: int, rounds: int) -> list[Run]:
    topic = world.topics.filled(Load(events, count, "safe", 1))
    return [
        measure(world, "consumer", topic, events=events, in_flight=IN_FLIGHT, delay=DELAY)
        for _ in range(rounds)
    ]


def _side_by_side(
    world: World, events: int, count: int, rounds: int
) -> tuple[list[Run], list[Run]]:
    topic = world.topics.filled(Load(events, count, "alone", 1))
    ours: list[Run] = []
    bare: list[Run] = []
    turns: list[tuple[list[Run], Contender]] = [(ours, "consumer"), (bare, "keyed")]
    for _ in range(rounds):
        for runs, contender in turns:
            run = measure(world, contender, topic, events=events, in_flight=IN_FLIGHT, delay=DELAY)
            runs.append(run)
    return ours, bare


def cap(world: World, _scale: Scale) -> Section:
    """As many requests as allowed, all the time, and never one more."""
    topic = world.topics.filled(Load(SLOW_EVENTS, _EVENTS, "alone", 1))
    run = measure(
        world, "consumer", topic, events=SLOW_EVENTS, in_flight=IN_FLIGHT, delay=SLOW_DELAY
    )
    seconds, most = run.seen.seconds, run.seen.most_in_flight
    return Section(
        "cap",
        f"{SLOW_EVENTS:,} events, one a request, 400 ms each, {IN_FLIGHT} in flight",
        [{"seconds": f"{seconds:.2f}", "most in flight at the sink": str(most)}],
        [
            at_most("seconds", seconds, WORST_SLOW, " s"),
            at_most("most in flight", most, IN_FLIGHT),
        ],
        figures={"seconds": seconds, "most_in_flight": most},
    )
