"""One event under the glass: where each microsecond goes, stage by stage and function by function."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deploy.local.bench.figures import Section
from deploy.local.bench.records import Load
from deploy.local.bench.runs import Contender, measure
from deploy.local.bench.sampler import Place
from deploy.local.bench.scale import Scale
from deploy.local.bench.sections.ratios import KEYS
from deploy.local.bench.world import World

_LEAST_SHOWN = 0.4
"""Microseconds an event, of functions."""
_START = "start and end"
_LOOP = "event loop, sockets"

# The first frame, from the function at work outwards, that one of these fits decides: part of the file's path, and
# the function's name ("" fits all).
_STAGES: tuple[tuple[str, str, str], ...] = (
    ("consumer/kafka/", "", "Kafka client"),
    ("aiokafka/", "", "Kafka client"),
    ("consumer/stages/validate.py", "", "validate"),
    ("consumer/stages/authorise.py", "", "route, authorise"),
    ("consumer/stages/route.py", "", "route, authorise"),
    ("consumer/stages/mapping.py", "", "map: around it"),
    ("consumer/stages/", "", "decode"),
    ("bench/contracts/", "", "map: the owner's function"),
    ("consumer/contracts/actions.py", "Action.call", "encode"),
    ("consumer/pipeline.py", "", "the prepared record"),
    ("contenders/loop.py", "make_body.<locals>.body", "loop: decode, validate, map, encode"),
    ("consumer/submit.py", "", "lanes, ledger, slots"),
    ("consumer/send.py", "", "lanes, ledger, slots"),
    ("consumer/pacer.py", "", "lanes, ledger, slots"),
    ("consumer/intake.py", "", "lanes, ledger, slots"),
    ("consumer/state/", "", "lanes, ledger, slots"),
    ("contenders/loop.py", "main.<locals>.slot", "loop: slots"),
    ("contenders/supply.py", "", "loop: slots"),
    ("consumer/telemetry/traced.py", "", "request"),
    ("consumer/foundry/", "", "request"),
    ("aiohttp/", "", "request"),
    ("consumer/telemetry/", "", "metrics"),
    ("consumer/commits.py", "", "commits"),
    ("asyncio/base_events.py", "BaseEventLoop._run_once", _LOOP),
    ("bench/sampler.py", "Sampler.collected", "garbage collection"),
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a run was found doing, in microseconds an event."""

    microseconds: float
    """What one look stands for."""
    stacks: list[tuple[list[Place], int]]

    def by_stage(self) -> dict[str, float]:
        """Every look counts for one stage."""
        found: Counter[str] = Counter()
        for stack, looks in self.stacks:
            found[_stage(stack)] += looks
        return {stage: looks * self.microseconds for stage, looks in found.most_common()}

    def by_function(self) -> list[tuple[Place, float, float]]:
        """Function, with its callees, by itself; the dearest first."""
        own: Counter[Place] = Counter()
        whole: Counter[Place] = Counter()
        for stack, looks in self.stacks:
            own[stack[0]] += looks
            for place in set(stack):  # once, however often it calls itself
                whole[place] += looks
        return [
            (place, looks * self.microseconds, own[place] * self.microseconds)
            for place, looks in whole.most_common()
        ]


def profile(world: World, scale: Scale) -> Section:
    """The service beside the loop without guarantees."""
    ours, loop = _sampled(world, scale, "consumer"), _sampled(world, scale, "loop")
    service, theirs = ours.by_stage(), loop.by_stage()
    stages = dict.fromkeys(stage for _, _, stage in _STAGES)
    rows = [_row(stage, service, theirs) for stage in stages]
    for of in (service, theirs):
        of["together"] = sum(taken for stage, taken in of.items() if stage != _START)
    rows.append(_row("together", service, theirs))
    return Section(
        "profile",
        "One event of a batch of 20: microseconds of CPU",
        rows,
        note="runs that are looked at a few hundred times a second; start and end are left out",
        figures={"service": service, "loop": theirs},
    )


def functions(world: World, scale: Scale) -> Section:
    """The service's dearest functions."""
    rows = [
        {
            "function": f"{'/'.join(Path(file).parts[-2:])}:{line} {name}",
            "µs an event": f"{whole:.2f}",
            "its own": f"{own:.2f}",
        }
        for (file, name, line), whole, own in _sampled(world, scale, "consumer").by_function()
        if whole >= _LEAST_SHOWN and name != "<module>" and "importlib" not in file
    ]
    title = f"Functions of a run of {scale.events:,} events, with what they call"
    return Section("functions", title, rows, note="start and end are in it, spread over the events")


def _sampled(world: World, scale: Scale, contender: Contender) -> Sampled:
    topic = world.topics.filled(Load(scale.events, KEYS))
    output = world.scratch / f"{contender}.samples"
    before = ("-m", "deploy.local.bench.sampler", str(output))
    run = measure(world, contender, topic, events=scale.events, before=before)
    stacks = [([(f, n, i) for f, n, i in s], looks) for s, looks in json.loads(output.read_text())]
    looks = sum(count for _, count in stacks)
    return Sampled(run.cpu / looks / scale.events * 1e6, stacks)


def _stage(stack: list[Place]) -> str:
    for file, name, _ in stack:
        for part, function, stage in _STAGES:
            if part in file and function in ("", name):
                return stage
    return _START


def _row(stage: str, service: dict[str, float], loop: dict[str, float]) -> dict[str, str]:
    return {
        "stage": stage,
        "service": f"{service.get(stage, 0.0):.2f}",
        "loop without guarantees": f"{loop.get(stage, 0.0):.2f}",
    }
