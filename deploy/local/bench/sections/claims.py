"""What it costs to write ahead: `never` and `ask` against `safe`, at a Foundry that takes 20 ms."""

from __future__ import annotations

from deploy.local.bench.figures import Section, Spread, at_least
from deploy.local.bench.records import Load, Route
from deploy.local.bench.runs import Run, measure
from deploy.local.bench.scale import Scale
from deploy.local.bench.world import World

DELAY = 0.02
LEAST_OF_SAFE = 0.5
_KEYS = 10_000
_IN_FLIGHT = 64
_ROUTES: tuple[Route, ...] = ("safe", "create", "never", "ask")


def claims(world: World, scale: Scale) -> Section:
    """Each round has each route once."""
    runs: dict[Route, list[Run]] = {route: [] for route in _ROUTES}
    for _ in range(scale.side_rounds):
        for route in _ROUTES:
            topic = world.topics.filled(Load(scale.claim_events, _KEYS, route))
            events = scale.claim_events
            delay = (DELAY, DELAY)
            runs[route].append(
                measure(world, "consumer", topic, events=events, in_flight=_IN_FLIGHT, delay=delay)
            )
    safe = [run.per_second for run in runs["safe"]]
    against = {
        route: Spread([run.per_second / by for run, by in zip(of, safe, strict=True)])
        for route, of in runs.items()
    }
    rows = [
        {
            "repeat": route,
            "events/s": Spread([run.per_second for run in of]).shown(0),
            "of safe": against[route].shown(2),
            "a request": f"{of[-1].per_request:.1f}",
            "most in flight": str(max(run.seen.most_in_flight for run in of)),
        }
        for route, of in runs.items()
    ]
    return Section(
        "claims",
        f"Events a second at {DELAY * 1000:g} ms a request, {_IN_FLIGHT} requests in flight",
        rows,
        [at_least(f"{r} of safe", against[r].median, LEAST_OF_SAFE, "x") for r in ("never", "ask")],
        figures={route: [run.per_second for run in of] for route, of in runs.items()},
    )
