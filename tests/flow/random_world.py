"""Random schedules: each seed is another world, other records, other faults. The same seed is the same run."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from consumer.model import Repeat
from tests.fakes.foundry import Down, Faults
from tests.fakes.group import Code
from tests.fakes.log import Fate, Spec
from tests.flow.process import Ports, Process, Service, core
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, Options, World

MOST_PROCESSES = 3

RARE_FATES = (Fate.POISON, Fate.IGNORED, Fate.INVALID, Fate.BUG, Fate.UNREADABLE)

GRACEFUL = ("rebalance", "stop", "join", "gap", "refused_commit")
"""Nothing of this explains a repeat or an `unknown` letter."""
HARSH = (
    *("kill", "kill", "kill_at", "pause", "lost_answer", "silence"),
    *("foundry", "foundry", "down", "letters", "evict"),
)


def options_of(rng: random.Random, service: Callable[[Ports], Service]) -> Options:
    """Narrow limits as often as wide ones."""
    limits = replace(
        LIMITS,
        max_in_flight=rng.choice((1, 2, 4, 6)),
        batch_size=rng.choice((1, 3, 20)),
        max_span=rng.choice((5, 30, 12_000)),
        max_records=rng.choice((4, 20, 1_000)),
        max_bytes=rng.choice((500, 1_000_000)),
    )
    return Options(partitions=rng.randint(1, 4), limits=limits, service=service)


def random_spec(rng: random.Random, lanes: int) -> Spec:
    """A record as they come: most are good ones, in a lane or not."""
    repeat = rng.choice(list(Repeat))
    steps = rng.choice((1, 1, 1, 3)) if not repeat.claimed else 1
    fate = rng.choice(RARE_FATES) if rng.random() < 0.1 else Fate.GOOD
    return Spec(
        lane=rng.choice((None, *(f"l{number}" for number in range(lanes)))),
        action=rng.choice(("x", "y")) + repeat.value,
        repeat=repeat,
        batch=rng.choice((20, 20, 1)),
        steps=steps,
        fate=fate,
        conflicts=rng.choice((0, 0, 0, 0, 0, 1, 2)),
    )


class Schedule:
    """What happens in one world, drawn from its seed."""

    def __init__(self, world: World, rng: random.Random, kinds: tuple[str, ...]) -> None:
        self.world = world
        self.rng = rng
        self.kinds = kinds
        self.horizon = rng.choice((10.0, 40.0, 90.0))
        self.tasks: list[asyncio.Task[Any]] = []

    async def play(self) -> None:
        """Records and faults side by side, until the horizon."""
        for _ in range(self.rng.randint(1, 2)):
            self.world.start()
        if "foundry" in self.kinds and self.rng.random() < 0.5:
            # From the beginning: then it meets every record, rather than the few that still wait.
            self.tasks.append(self._do(self._foundry()))
        count = self.rng.randint(0, 8) if self.kinds else 0
        self.tasks.append(self._do(self._produce()))
        self.tasks += [self._do(self._fault()) for _ in range(count)]
        while self.tasks:
            await self.tasks.pop()

    def _do(self, what: Any) -> asyncio.Task[Any]:
        return asyncio.create_task(what, name="schedule")

    def spec(self, lanes: int) -> Spec:
        """The next record."""
        return random_spec(self.rng, lanes)

    async def _produce(self) -> None:
        rng, world = self.rng, self.world
        lanes = rng.randint(1, 5)
        actions: dict[str, int] = {}
        for _ in range(rng.randint(1, 6)):
            for _ in range(rng.randint(1, 12)):
                spec = self.spec(lanes)
                # An action type is always batched or never: its owner says so, not the record.
                spec = replace(spec, batch=actions.setdefault(spec.action, spec.batch))
                partition = world.partition(rng.randrange(world.options.partitions))
                world.log.produce(partition, spec)
            await asyncio.sleep(rng.uniform(0, self.horizon / 6))

    async def _fault(self) -> None:
        await asyncio.sleep(self.rng.uniform(0, self.horizon))
        await getattr(self, f"_{self.rng.choice(self.kinds)}")()

    def _victim(self) -> Process | None:
        return self.rng.choice(self.world.alive) if self.world.alive else None

    async def _rebalance(self) -> None:
        self.world.rebalance()

    async def _stop(self) -> None:
        victim = self._victim()
        if victim is not None and not victim.stopping:
            await self.world.stop(victim)
        await self._join()

    async def _join(self) -> None:
        if len(self.world.alive) < MOST_PROCESSES:
            self.world.start()

    async def _gap(self) -> None:
        partition = self.world.partition(self.rng.randrange(self.world.options.partitions))
        self.world.log.leave_gap(partition, self.rng.randint(1, 40))

    async def _refused_commit(self) -> None:
        partition = self.world.partition(self.rng.randrange(self.world.options.partitions))
        code = self.rng.choice((Code.COORDINATOR_LOADING, Code.REBALANCE_IN_PROGRESS))
        self.world.group.refuse_next.append((partition, code))

    async def _operator(self) -> None:
        """Somebody pauses a process; it is resumed here, or when all is over."""
        victim = self._victim()
        if victim is None or victim.core is None or victim.host.frozen:
            return
        victim.pauses_sending()
        await asyncio.sleep(self.rng.choice((0.5, 5.0, 30.0)))
        if victim.running and not victim.host.frozen:
            victim.resumes_sending()

    async def _kill(self) -> None:
        victim = self._victim()
        if victim is not None:
            self.world.kill(victim)
        await asyncio.sleep(self.rng.choice((0.0, 5.0, 50.0)))
        await self._join()

    async def _kill_at(self) -> None:
        victim = self._victim()
        if victim is not None:
            self.world.kill_at(victim, victim.host.steps + self.rng.randint(1, 40))
        await asyncio.sleep(self.rng.choice((1.0, 50.0)))
        await self._join()

    async def _pause(self) -> None:
        victim = self._victim()
        if victim is not None and not victim.host.frozen:
            await self.world.pause(victim, self.rng.choice((1.0, 12.0, 32.0, 50.0, 100.0)))

    async def _lost_answer(self) -> None:
        victim = self._victim()
        if victim is not None:
            landing = self.rng.choice((None, 0.01, 0.3, 3.0, 12.0))
            victim.source.lose_next_answers.append(landing)

    async def _silence(self) -> None:
        self.world.silence(self.rng.choice((1.0, 9.0, 20.0, 50.0)))

    async def _foundry(self) -> None:
        share = self.rng.choice((0.05, 0.2, 0.5))
        kind = self.rng.choice(("unknown", "broken", "throttled", "slow"))
        self.world.foundry.faults = replace(Faults(), **{kind: share})
        await asyncio.sleep(self.rng.uniform(1.0, 40.0))
        self.world.foundry.faults = Faults()

    async def _down(self) -> None:
        until = self.world.loop.time() + self.rng.choice((3.0, 20.0, 70.0))
        action = self.rng.choice((None, "xsafe", "ynever", "xask", "ycreate"))
        unknown = self.rng.choice((0.0, 0.0, 0.3, 1.0))
        self.world.truth.note(f"Foundry is down for {action or 'all'} until {until:.1f}")
        self.world.foundry.downs.append(Down(until, action, unknown=unknown))

    async def _letters(self) -> None:
        self.world.letter_box.unacknowledged = self.rng.choice((0.2, 0.7))
        await asyncio.sleep(self.rng.uniform(1.0, 30.0))
        self.world.letter_box.unacknowledged = 0.0

    async def _evict(self) -> None:
        victim = self._victim()
        if victim is not None and self.rng.random() < 0.3:
            self.world.evict(victim)


def random_world(seed: int, *, service: Callable[[Ports], Service] = core) -> World:
    """The world of this seed, lived to its end."""
    rng = random.Random(seed)
    options = options_of(rng, service)
    graceful = tuple(kind for kind in GRACEFUL if rng.random() < 0.5)
    # Few kinds at a time, and often none that is harsh: then nothing may be repeated at all.
    harsh = tuple(kind for kind in HARSH if rng.random() < 0.3) if rng.random() < 0.75 else ()

    # Drawn apart, so that worlds in which nobody interferes stay what they were.
    hands = random.Random(f"operator {seed}")
    if hands.random() < 0.3:
        graceful += ("operator",)
    if hands.random() < 0.3:
        options = replace(options, burst=hands.choice((1, 3)))

    async def story(world: World) -> None:
        await Schedule(world, rng, graceful + harsh).play()

    return simulate(story, seed=seed, options=options)
