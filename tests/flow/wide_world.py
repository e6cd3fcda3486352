"""Random schedules with what `random_world` leaves out: rarer faults, ill records, operators who skip, all in one world."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

from consumer.errors import GateReason, SkipRefused
from consumer.model import Partition
from consumer.outcomes import Answer, Outage, Outcome, Unknown
from tests.fakes.capacity import Capacity
from tests.fakes.foundry import Down
from tests.fakes.group import Code
from tests.fakes.log import Spec
from tests.flow.process import Ports, Process, Service, core
from tests.flow.random_world import GRACEFUL, HARSH, Schedule, options_of, random_spec
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, RETRY, Options, World

RARE = (
    *("capacity", "closed", "ends_badly", "reads", "large_letters", "letters_down"),
    *("denied", "later", "skip", "oversized", "retention"),
)
REASONS: tuple[GateReason, ...] = ("failing", "overloaded", "token", "missing_action", "forbidden")

_FAILING = Answer("http_500", status=500)
ILLNESSES: tuple[tuple[Outcome, float], ...] = (
    (Unknown(_FAILING, answered=True, gate="failing"), 0.02),
    (Unknown(Answer("timeout"), gate="timeouts"), LIMITS.request_timeout),
    (Outage(Answer("http_503", status=503), "failing"), 0.02),
    (Outage(Answer("http_429", status=429, retry_after=9.0), "overloaded", everywhere=True), 0.02),
)


def wide_options(rng: random.Random, service: Callable[[Ports], Service]) -> Options:
    """Also few attempts, and letters that are hardly paid for."""
    options = options_of(rng, service)
    return replace(
        options,
        retry=replace(RETRY, attempts=rng.choice((1, 2, 5)), maximum=rng.choice((1.0, 5.0, 30.0))),
        burst=rng.choice((1, 3, 100)),
        ratio=rng.choice((0.05, 0.05, 1.0)),
    )


class WideSchedule(Schedule):
    """As its base, with more to befall a world."""

    def spec(self, lanes: int) -> Spec:
        spec = random_spec(self.rng, lanes)
        if spec.fate.sendable and self.rng.random() < 0.05:
            ill, after = self.rng.choice(ILLNESSES)
            spec = replace(spec, ill=ill, ill_after=after)
        return spec

    def _partition(self) -> Partition:
        return self.world.partition(self.rng.randrange(self.world.options.partitions))

    async def _for_a_while(self) -> None:
        await asyncio.sleep(self.rng.uniform(1.0, 40.0))

    async def _capacity(self) -> None:
        """Foundry takes few requests at a time, or none."""
        self.world.foundry.capacity = Capacity(
            self.rng.choice((0, 1, 2)),
            retry_after=self.rng.choice((None, 1.0, 20.0, 90.0)),
            strict=False,
        )
        await self._for_a_while()
        self.world.foundry.capacity = None

    async def _closed(self) -> None:
        """An outage that looks otherwise: other reasons, requests that hang, validations that are answered."""
        rng = self.rng
        gate = rng.choice(REASONS)
        answers: tuple[Outcome | None, ...] = (
            None,
            Unknown(Answer("timeout"), gate="timeouts"),
            Unknown(_FAILING, answered=True, gate="failing", everywhere=True),
            Outage(Answer("http_503", status=503, retry_after=30.0), gate, everywhere=True),
        )
        answer = rng.choice(answers)
        after = rng.choice((None, LIMITS.request_timeout))
        until = self.world.loop.time() + rng.choice((3.0, 20.0, 70.0))
        action = rng.choice((None, "xsafe", "ynever", "xask", "ycreate"))
        validates = rng.random() < 0.5
        self.world.truth.note(f"Foundry: {gate} for {action}, {answer}, until {until:.1f}")
        self.world.foundry.downs.append(
            Down(until, action, gate, answer=answer, after=after, validates=validates)
        )

    async def _ends_badly(self) -> None:
        foundry = self.world.foundry
        foundry.hangs_after, foundry.cuts_after = self.rng.choice(
            ((0.3, 0.0), (0.0, 0.5), (0.2, 0.2))
        )
        await self._for_a_while()
        foundry.hangs_after = foundry.cuts_after = 0.0

    async def _reads(self) -> None:
        """What may have been applied cannot be read back."""
        foundry = self.world.foundry
        foundry.reads_down_until = self.world.loop.time() + self.rng.choice((10.0, 60.0))
        foundry.bug_in_reading = self.rng.random() < 0.3
        await self._for_a_while()
        foundry.bug_in_reading = False

    async def _large_letters(self) -> None:
        self.world.letter_box.largest = 5
        await self._for_a_while()
        self.world.letter_box.largest = 1_000_000

    async def _letters_down(self) -> None:
        self.world.letter_box.down_until = self.world.loop.time() + self.rng.choice((5.0, 50.0))

    async def _denied(self) -> None:
        partition = self._partition()
        self.world.truth.note(f"commits of {partition.partition} are denied")
        self.world.group.denied.add(partition)
        await self._for_a_while()
        self.world.group.denied.discard(partition)

    async def _later(self) -> None:
        """The coordinator asks to try again, for less long than a last commit is tried."""
        if not self.world.group.refuse_next:
            times = self.rng.choice((5, 40))
            self.world.group.refuse_next += [(self._partition(), Code.COORDINATOR_LOADING)] * times

    async def _oversized(self) -> None:
        self.world.foundry.largest_batch = self.rng.choice((1, 7))
        self.world.foundry.names_largest_batch = self.rng.random() < 0.5

    async def _retention(self) -> None:
        partition = self._partition()
        start, end = self.world.log.start(partition), self.world.log.end(partition)
        self.world.log.trim(partition, self.rng.randint(start, end))

    async def _skip(self) -> None:
        """An operator skips what stands still, or what does not."""
        for _ in range(self.rng.choice((1, 5, 20))):
            await asyncio.sleep(self.rng.uniform(0.1, 3.0))
            victim = self._victim()
            if victim is not None and victim.core is not None and not victim.host.frozen:
                await self._skip_one(victim)

    async def _skip_one(self, process: Process) -> None:
        dispatch = process.core
        assert dispatch is not None
        partition = self._partition()
        tenure = dispatch.workload.tenures.get(partition)
        if tenure is None:
            return
        named = [*tenure.letters_failing, *tenure.unread, tenure.ledger.watermark]
        offset = self.rng.choice(named)
        box, place = self.world.letter_box, (partition, offset)
        known = place in box.given_up
        box.given_up.add(place)
        context = process.host.context.copy()
        asking = asyncio.create_task(self._ask(process, partition, offset), context=context)
        await asyncio.wait([asking], timeout=5)
        if not asking.done():
            asking.cancel()  # it was frozen or killed meanwhile
        elif isinstance(asking.exception(), SkipRefused) and not known:
            box.given_up.discard(place)

    async def _ask(self, process: Process, partition: Partition, offset: int) -> str:
        assert process.core is not None
        said = await process.core.skip(partition, offset)
        self.world.truth.note(f"{process.name} skips: {said}")
        return said


def wide_world(seed: int, *, service: Callable[[Ports], Service] = core) -> World:
    """The world of this seed, lived to its end."""
    rng = random.Random(f"wide {seed}")
    options = wide_options(rng, service)
    kinds = tuple(kind for kind in (*GRACEFUL, "operator") if rng.random() < 0.3)
    kinds += tuple(kind for kind in HARSH if rng.random() < 0.2)
    kinds += tuple(kind for kind in RARE if rng.random() < 0.3)

    async def story(world: World) -> None:
        await WideSchedule(world, rng, kinds).play()

    return simulate(story, seed=seed, options=options)
