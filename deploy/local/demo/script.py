"""The script of the demo: publish, an outage, a kill -9, a restart, and wait until all is settled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from deploy.local.demo.events import Draft
from deploy.local.demo.evidence import Evidence, Published
from deploy.local.demo.figures import figures, settled
from deploy.local.demo.foundry import Foundry
from deploy.local.demo.kafka import Kafka
from deploy.local.demo.service import Service
from deploy.local.demo.show import Screen
from deploy.local.demo.world import COMMIT_INTERVAL, SETTLE_TIME, World

PUBLISHING = 30.0
"""Seconds that publishing takes at least."""
MOST_PER_SECOND = 1_000
OUTAGE_AFTER = 8.0
OUTAGE = 5.0
KILL_AFTER = 20.0
RESTART_AFTER = 1.0
LOOK_EVERY = 0.5
SETTLED_WITHIN = 75.0
"""Seconds after the last event; then it is judged as it is."""
TICK = 0.02


@dataclass(slots=True)
class Course:
    """One run of the script. Not frozen: it is filled while it runs."""

    world: World
    kafka: Kafka
    foundry: Foundry
    service: Service
    screen: Screen
    published: list[Published] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)
    phase: str = "publishing"
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    async def run(self, drafts: Sequence[Draft]) -> None:
        """Returns when every event is settled and committed, or late.

        Raises:
            BaseExceptionGroup: the service ended by itself, or the broker does not answer.
        """
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(), name="watch")
            turmoil = tasks.create_task(self._turmoil(), name="turmoil")
            await self._publish(drafts)
            await turmoil
            self.phase = "waiting until all is settled"
            await self._until_settled()
            watching.cancel()

    async def _publish(self, drafts: Sequence[Draft]) -> None:
        """Spread over time, so that outage and kill meet events on their way."""
        receipts = []
        begin = time.monotonic()
        takes = max(PUBLISHING, len(drafts) / MOST_PER_SECOND)
        for number, draft in enumerate(drafts):
            ahead = begin + takes * number / len(drafts) - time.monotonic()
            if ahead > TICK:
                await asyncio.sleep(ahead)
            receipts.append(await self.kafka.publish(draft))
        self.published += await asyncio.gather(*receipts)
        self.screen.say(f"All {len(self.published)} events are published.")

    async def _turmoil(self) -> None:
        await asyncio.sleep(OUTAGE_AFTER)
        self.phase = "Foundry is down"
        self.screen.say(f"Foundry is down for {OUTAGE:.0f} seconds: every request gets a 503.")
        await self.foundry.switch_on(f"status:status=503,endpoint=any,duration={OUTAGE}")
        await asyncio.sleep(OUTAGE)
        self.phase = "Foundry is back"
        self.screen.say("Foundry is back.")
        await asyncio.sleep(KILL_AFTER - OUTAGE_AFTER - OUTAGE)
        self.kills.append(self.service.kill())
        self.phase = "the service was killed"
        self.screen.say("The service was killed with kill -9, in the middle of its work.")
        await asyncio.sleep(RESTART_AFTER)
        self.service.start()
        self.phase = "the service starts again"
        self.screen.say("It starts again; Kafka first waits for the one that was killed.")

    async def _watch(self) -> None:
        while True:
            now = await figures(
                self.kafka, self.foundry, self.service, self.world.group, self.seconds, self.phase
            )
            self.screen.show(now)
            await asyncio.sleep(LOOK_EVERY)

    async def _until_settled(self) -> None:
        try:
            async with asyncio.timeout(SETTLED_WITHIN):
                # Only the broker knows, and it is asked.
                while (await settled(self.kafka, self.world.group))[0]:  # noqa: ASYNC110 - see above
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            self.screen.say("Not all is settled in time; this is how it stands.")

    async def evidence(self) -> Evidence:
        """What the witnesses say now."""
        _, committed = await settled(self.kafka, self.world.group)
        return Evidence(
            published=self.published,
            effects=await self.foundry.effects(),
            letters=await self.kafka.letters(),
            committed={
                (self.kafka.names.contracts(each.topic), each.partition): offset
                for each, offset in committed.items()
            },
            kills=self.kills,
            commit_interval=COMMIT_INTERVAL,
            settle_time=SETTLE_TIME,
        )
