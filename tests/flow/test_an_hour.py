"""An hour with a little of every fault: nothing is lost, and a process holds no more at its end than at its beginning."""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.foundry import Faults
from tests.flow.process import Process
from tests.flow.random_world import random_spec
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World
from tests.virtual_time import _host as current_host

pytestmark = pytest.mark.timeout(180)

QUARTER = 900
"""Seconds; what the first one takes on is warming up."""
SLACK = 20
"""A quarter has 900 records and 45 faults: one thing kept of each would be more."""
CALM = LIMITS.request_timeout + LIMITS.settle_time + 60
"""Seconds without a fault after which nothing waits for anything any more."""


def held(root: object) -> int:
    """Things that are kept in containers by what belongs to the service, from here on."""
    seen: set[int] = set()
    left, count = deque([root]), 0
    while left:
        thing = left.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        inside = list(_inside(thing))
        count += len(inside)
        left.extend(inside)
    return count


def _inside(thing: Any) -> Iterable[object]:
    if isinstance(thing, Mapping):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, list | tuple | set | frozenset | deque):
        return thing
    if not type(thing).__module__.startswith("consumer."):
        return ()
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    found = [getattr(thing, name, None) for name in slots if isinstance(name, str)]
    return [*found, *vars(thing).values()] if hasattr(thing, "__dict__") else found


async def _something_worse(world: World, other: Process) -> None:
    match world.rng.choice(("kill", "stop", "pause", "lost", "silence", "rebalance", "letters")):
        case "kill":
            world.kill(other)
        case "stop":
            await world.stop(other)
        case "pause":
            await world.pause(other, world.rng.uniform(1, 60))
        case "lost":
            other.source.lose_next_answers.append(world.rng.choice((None, 3.0)))
        case "silence":
            world.silence(world.rng.uniform(1, 10))
        case "letters":
            world.letter_box.unacknowledged = 0.5
        case _:
            world.rebalance()


async def _a_quarter(world: World, veteran: Process) -> None:
    for second in range(QUARTER):
        if second % 20 == 0:
            other = next((each for each in world.alive if each is not veteran), None)
            await _something_worse(world, other or world.start())
            world.foundry.faults = Faults(unknown=0.01, broken=0.01, throttled=0.01, slow=0.01)
        spec = random_spec(world.rng, 5)
        # An action type is always batched or never.
        spec = replace(spec, batch=20 if spec.action.startswith("x") else 1)
        world.log.produce(world.partition(second % 3), spec)
        world.operators_look()
        await asyncio.sleep(1)
    world.faults_end()
    for other in world.alive:
        if other is not veteran:
            await world.stop(other)
    await world.settled(resumed=True)
    await asyncio.sleep(CALM)


def _tasks_of(world: World, process: Process) -> Collection[asyncio.Task[Any]]:
    """Those that the process has begun from now on, as long as they live."""
    begun: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()

    def begin(loop: Any, work: Any, context: contextvars.Context | None = None) -> Any:
        task = asyncio.Task(work, loop=loop, context=context)
        if (context or contextvars.copy_context()).get(current_host) is process.host:
            begun.add(task)
        return task

    world.loop.set_task_factory(begin)
    return begun


def test_law_11_after_an_hour_of_faults_a_process_holds_what_it_held() -> None:
    async def story(world: World) -> None:
        veteran = world.start()
        begun = _tasks_of(world, veteran)
        looks: list[tuple[int, int]] = []
        for _ in range(4):
            await _a_quarter(world, veteran)
            assert veteran.running
            looks.append((held(veteran.core), sum(not task.done() for task in begun)))

        (things, tasks), *later = looks
        assert all(held_then <= things + SLACK for held_then, _ in later), looks
        assert all(tasks_then <= tasks for _, tasks_then in later), looks

    simulate(story, partitions=3)
