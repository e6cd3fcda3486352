"""Where a scenario plays: processes, Foundry and the broker as it finds them, and what it may do to them."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from deploy.local.chaos import ambush
from deploy.local.chaos.ambush import Hit
from deploy.local.chaos.evidence import BROKER, KILL, STOP, Disturbance
from deploy.local.chaos.kafka import Kafka
from deploy.local.chaos.phases import Phases
from deploy.local.chaos.process import Consumer
from deploy.local.chaos.settings import ATTEMPTS, CLIENT, COMMIT_INTERVAL, Changes, Section
from deploy.local.chaos.supply import Supply
from deploy.local.chaos.witnesses import Witnesses
from deploy.local.foundry import Fault, Foundry, listening
from deploy.local.kafka import Broker

TICK = 0.05
LOOK_EVERY = 0.2
ASSIGNED_WITHIN = 40.0
UNDER_WAY = 0.3
"""Seconds after a kill in which its last commit may still reach the broker."""
NO_PROGRESS = 45.0
MOST_BEHIND = 10_000
"""Records: the load waits while there are more; a group that is killed all the time would have ever more to do."""
CLOCK_FILE = "clock"
SECRET_FILE = "client_secret"  # noqa: S105 -- a name


class Stage:
    """Made by `staged`. A script calls what is public here, and says `expect` of what the oracles cannot know."""

    def __init__(
        self,
        kafka: Kafka,
        foundry: Foundry,
        witnesses: Witnesses,
        broker: Broker,
        supply: Supply,
        launch: Callable[[int, Changes], Consumer],
        *,
        chance: random.Random,
        seconds: float,
        folder: Path,
    ) -> None:
        self.kafka = kafka
        self.foundry = foundry
        self.seen = witnesses
        self.broker = broker
        self.supply = supply
        self.folder = folder
        self.chance = chance
        self.seconds = seconds
        self.consumers: list[Consumer] = []
        """Those that are members; `everyone` has the others too."""
        self.everyone: list[Consumer] = []
        self.told: list[str] = []
        self.notes: list[str] = []
        """Figures that belong to the report."""
        self.deserved: dict[str, frozenset[str]] = {}
        """By lane: letters that its records deserve by what the script does to them."""
        self.attempts: float = ATTEMPTS
        """So many failures deserve a letter `exhausted`."""
        self.doing = "starting"
        self.over = False
        self._launch = launch
        self._phases = Phases(witnesses)
        self._until = time.monotonic() + seconds
        self._reach = AsyncExitStack()
        self._port = 0

    # Time

    def begin(self) -> None:
        """The script's time runs from now on."""
        self._until = time.monotonic() + self.seconds

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self._until

    async def wait(self, low: float, high: float | None = None) -> None:
        """So many seconds, or between the two."""
        await asyncio.sleep(low if high is None else self.chance.uniform(low, high))

    # Foundry

    async def open_foundry(self) -> None:
        """It can be reached, always at the same address."""
        await self._reach.enter_async_context(listening(self.foundry, self._port))
        self._port = int(self.foundry.url.rpartition(":")[2])

    async def close_foundry(self) -> None:
        """Connections are refused."""
        began = time.time()
        await self._reach.aclose()
        self.seen.dropped.append((began, time.time()))
        self._reach = AsyncExitStack()

    @contextmanager
    def fault(self, kind: str, **given: Any) -> Iterator[None]:
        """It is on as long as the block lasts."""
        switched = self.foundry.faults.switch_on(Fault(kind, **given))  # type: ignore[arg-type]  # checked by itself
        try:
            yield
        finally:
            self.foundry.faults.clear(switched.id)

    # Processes

    async def start(self, **changes: Section) -> Consumer:
        """One more process, at work: it has partitions. `changes`: settings, by section."""
        consumer = self._launch(len(self.everyone), changes)
        self.consumers.append(consumer)
        self.everyone.append(consumer)
        if not await consumer.assigned(ASSIGNED_WITHIN):
            self.expect(holds=False, what=f"a process started, and ended:\n{consumer.tail()}")
        return consumer

    def anyone(self) -> Consumer:
        well = [each for each in self.consumers if not (each.suspended or each.doomed)]
        return self.chance.choice(well)

    async def kill(self, consumer: Consumer, hit: Hit | None = None) -> None:
        """SIGKILL, now, or where it hit itself; returns when what it left behind has been looked at."""
        began, point = _when(hit)
        in_flight, phases = self.seen.in_flight(self.foundry), self._phases.count(self.foundry)
        self._leave(consumer)
        consumer.kill()
        await self.wait(UNDER_WAY)
        await self._note(KILL, began, in_flight, phases, point)

    async def kill_at(self, consumer: Consumer, point: str) -> None:
        """It kills itself there; where it does not get there in time, it is killed wherever it is."""
        consumer.doomed = True
        hit = await ambush.hit(consumer.orders, point, signal.SIGKILL)
        await self.kill(consumer, hit)

    async def stop(self, consumer: Consumer) -> None:
        """SIGTERM: it has to end in order."""
        self._leave(consumer)
        code = await consumer.stop()
        self.expect(
            code == 0, f"a process was asked to stop, and ended with {code}:\n{consumer.tail()}"
        )

    def _leave(self, consumer: Consumer) -> None:
        # `watch` may have noticed before that it ended by itself.
        if consumer in self.consumers:
            self.consumers.remove(consumer)

    def set_clocks(self, ahead: float) -> None:
        """The processes' wall clocks are so many seconds ahead from now on; only where the scenario is given such."""
        (self.folder / CLOCK_FILE).write_text(f"{ahead}")

    def rotate_secret(self, secret: str) -> None:
        """A new secret in the file; the old one ends at once."""
        fresh = self.folder / "client_secret.new"
        fresh.touch(mode=0o600)
        fresh.write_text(secret)
        fresh.replace(self.folder / SECRET_FILE)
        self.foundry.identity.clients[CLIENT].secrets = {secret}

    @asynccontextmanager
    async def standing_still(
        self, consumer: Consumer, hit: Hit | None = None
    ) -> AsyncIterator[None]:
        """SIGSTOP, now or where it hit itself, as long as the block lasts."""
        began, point = _when(hit)
        in_flight, phases = self.seen.in_flight(self.foundry), self._phases.count(self.foundry)
        consumer.suspend()
        await self.wait(UNDER_WAY)
        await self.look()
        stored = dict(self.seen.latest)
        try:
            yield
        finally:
            consumer.resume()
            self.seen.disturbances.append(
                Disturbance(STOP, began, time.time(), in_flight, stored, phases, point)
            )

    async def _note(
        self, what: str, began: float, in_flight: frozenset[int], phases: Any, point: str = ""
    ) -> None:
        ended = time.time()
        await self.look()
        stored = dict(self.seen.latest)
        self.seen.disturbances.append(
            Disturbance(what, began, ended, in_flight, stored, phases, point)
        )

    # The broker

    @asynccontextmanager
    async def broker_away(self) -> AsyncIterator[None]:
        """Whatever the block does to the broker; at its end it answers again."""
        began, in_flight = time.time(), self.seen.in_flight(self.foundry)
        yield
        await self.look()
        await self.until(lambda: self.looked_since(began), "the broker answers again")
        await self._note(BROKER, began, in_flight, {})

    def looked_since(self, moment: float) -> bool:
        return any(look.time > moment for look in self.seen.latest.values())

    # What is seen

    async def look(self) -> None:
        self.seen.look(await self.kafka.looks())
        self.seen.drain(self.foundry)

    async def watch(self) -> None:
        """Look until the run is over, and notice who ends by itself."""
        while not self.over:
            await self.look()
            for consumer in list(self.consumers):
                if not (consumer.alive or consumer.suspended or consumer.doomed):
                    self._leave(consumer)
                    self.expect(
                        holds=False,
                        what=f"a process ended by itself with {consumer.code}:\n{consumer.tail()}",
                    )
            await asyncio.sleep(LOOK_EVERY)

    def expect(self, holds: object, what: str) -> None:
        """What the script itself can judge: it is a fault unless it holds."""
        if not holds:
            self.told.append(what)

    @property
    def behind(self) -> int:
        """Records that are published and not behind the watermark."""
        latest = self.seen.latest
        return sum(
            end - (latest[spot].offset if spot in latest else 0)
            for spot, end in self.kafka.ends.items()
        )

    async def until(self, holds: Callable[[], object], what: str, within: float = 30.0) -> bool:
        """Wait until it is so. If it is not in time, that is a fault."""
        deadline = time.monotonic() + within
        while not holds():
            if time.monotonic() > deadline:
                self.expect(holds=False, what=f"not in {within:g} s: {what}")
                return False
            await asyncio.sleep(TICK)
        return True

    async def settle(self, patience: float) -> None:
        """All that was published is committed; as long as it becomes less it may take."""
        self.foundry.faults.clear()
        least, since = self.behind, time.monotonic()
        while self.behind and time.monotonic() - since < patience:
            if self.behind < least:
                least, since = self.behind, time.monotonic()
            await asyncio.sleep(TICK)
        await asyncio.sleep(COMMIT_INTERVAL)

    # The load

    @asynccontextmanager
    async def load(self, rate: int) -> AsyncIterator[None]:
        """So many events a second are published as long as the block lasts."""
        stopped = asyncio.Event()

        async def publish() -> None:
            owed, last = 0.0, time.monotonic()
            while not stopped.is_set():
                now = time.monotonic()
                # After a broker that was away no more than a second's worth is made up for.
                owed, last = min(owed + (now - last) * rate, rate), now
                owed = 0.0 if self.behind > MOST_BEHIND else owed
                for _ in range(int(owed)):
                    await self.kafka.publish(self.supply.next(), self.seen.publish)
                owed -= int(owed)
                await asyncio.sleep(TICK)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publish(), name="load")
            try:
                yield
            finally:
                stopped.set()
        await self.kafka.flush()


def _when(hit: Hit | None) -> tuple[float, str]:
    """Since when, and at which point if at any."""
    return (time.time(), "") if hit is None else (hit.time, hit.point)
