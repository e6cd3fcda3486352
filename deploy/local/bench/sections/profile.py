"""One event under the glass: where each microsecond goes, beside the loop without guarantees."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.bench.figures import Section
from deploy.local.bench.machine import pin
from deploy.local.bench.records import Load
from deploy.local.bench.runs import RunFailed, environment, measure
from deploy.local.bench.scale import Scale
from deploy.local.bench.sections.ratios import FEW, KEYS, cost
from deploy.local.bench.world import World

_LEAST_SHOWN = 0.4
_STAGES_WITHIN = 120.0


def profile(world: World, scale: Scale) -> Section:
    """Stages timed by themselves, the client library by a loop that only reads, the rest by what is left."""
    few = world.topics.filled(Load(FEW, KEYS))
    many = world.topics.filled(Load(scale.events, KEYS))
    totals = {}
    for contender in ("read", "loop", "consumer"):
        base = measure(world, contender, few, events=FEW)
        totals[contender] = cost(base, measure(world, contender, many, events=scale.events))
    timed = _timed(world)
    service = {"Kafka client": totals["read"]} | timed["service"]
    service["polling, slots, commits: what is left"] = totals["consumer"] - sum(service.values())
    loop = timed["loop"]
    loop_rest = totals["loop"] - totals["read"] - sum(loop.values())
    rows = [_row(name, taken, totals["consumer"]) for name, taken in service.items()]
    rows += [
        _row("together", totals["consumer"], totals["consumer"]),
        _row("loop without guarantees: together", totals["loop"], totals["consumer"]),
        _row("loop: the record", loop["record"], totals["consumer"]),
        _row("loop: request", loop["request"], totals["consumer"]),
        _row("loop: what is left", loop_rest, totals["consumer"]),
    ]
    return Section(
        "profile",
        "One event of a batch of 20: microseconds of CPU",
        rows,
        note="stages: the quickest of several times; together: one run, less one of few events",
        figures={"service": service, "totals": totals, "loop": loop},
    )


def functions(world: World, scale: Scale) -> Section:
    """Where a whole run spends its time by function, looked at now and then, so that nothing is made dearer."""
    topic = world.topics.filled(Load(scale.events, KEYS))
    output = world.scratch / "samples.json"
    before = ("-m", "deploy.local.bench.sampler", str(output))
    run = measure(world, "consumer", topic, events=scale.events, before=before)
    told: Any = json.loads(output.read_text())
    each = run.cpu / told["samples"] / scale.events * 1e6
    found = sorted(told["functions"], key=lambda of: -of["with_callees"])
    rows = [
        {
            "function": f"{'/'.join(Path(of['file']).parts[-2:])}:{of['line']} {of['name']}",
            "µs an event": f"{of['with_callees'] * each:.2f}",
            "its own": f"{of['own'] * each:.2f}",
        }
        for of in found
        if of["with_callees"] * each >= _LEAST_SHOWN and of["name"] != "<module>"
    ]
    note = f"{told['samples']} looks; start and end are in it, spread over the events"
    return Section("functions", f"Functions of a run of {scale.events:,} events", rows, note=note)


def _row(stage: str, taken: float, whole: float) -> dict[str, str]:
    return {"stage": stage, "µs": f"{taken:.2f}", "share": f"{taken / whole:.0%}"}


def _timed(world: World) -> Mapping[str, dict[str, float]]:
    world.sink.reset()
    command = [sys.executable, "-m", "deploy.local.bench.stages", world.sink.url]
    with subprocess.Popen(  # noqa: S603 -- our own module
        command, stdout=subprocess.PIPE, text=True, env=environment(), cwd=world.scratch
    ) as process:
        pin(process.pid, world.cores.measured)
        output, _ = process.communicate(timeout=_STAGES_WITHIN)
    if process.returncode:
        raise RunFailed("the stages could not be timed")
    timed: Mapping[str, dict[str, float]] = json.loads(output)
    return timed
