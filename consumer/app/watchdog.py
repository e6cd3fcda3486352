"""Watches whether the process still does its work, and ends it if only a restart helps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from consumer.app.watched import WatchedSource
from consumer.model import Partition
from consumer.ports import Clock
from consumer.state.vitals import PARTS, Patience, Seen, Verdict, Vitals, Work
from consumer.telemetry import say
from consumer.telemetry.progress import told_ends

LOOK_EVERY: Final = 2.0
_ASK_EVERY: Final = 60.0
"""Seconds between two questions to the brokers about the end of partitions of which nothing comes."""
_SILENT_AFTER: Final = 60.0
_FIND_EVERY: Final = 30.0
_log = logging.getLogger(__name__)


class Watchdog:
    """Made before the core runs, and ended before what the core needs is closed."""

    def __init__(
        self,
        work: Callable[[], Work],
        source: WatchedSource,
        clock: Clock,
        patience: Patience,
        *,
        ended: Callable[[], Collection[str]],
        find_anew: Callable[[], Awaitable[object]],
        stuck: Callable[[], None],
    ) -> None:
        """`ended`: tasks of the client library that have died. `stuck`: called once there is a `verdict`.

        `find_anew`: asks the configured servers where the brokers are, as all of them may have moved; ends within
        seconds.
        """
        self._work = work
        self._source = source
        self._clock = clock
        self._vitals = Vitals(patience)
        self._ended = ended
        self._find_anew = find_anew
        self._stuck = stuck
        self._stands: dict[Partition, int] = {}
        self._unread: dict[Partition, int] = {}
        self._answered_at = clock.now()
        self._silent = False
        self.verdict: Verdict | None = None

    def checks(self) -> Mapping[str, str]:
        """As `Checks`, one for each part that may be stuck."""
        found = self.verdict
        return {part: found.why if found and found.part == part else "" for part in PARTS}

    def say_last(self) -> None:
        """The last line of a process that ends by a verdict."""
        if self.verdict is not None:
            part, why = self.verdict.part, self.verdict.why
            say(_log, logging.CRITICAL, "ended: stuck", part=part, why=why)

    async def run(self) -> None:
        """Look until something is stuck."""
        now = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as tasks:
            # Apart from the looks: brokers may keep us waiting for longer than counts as a freeze.
            asking = tasks.create_task(self._ask_often(), name="watchdog asks")
            while self.verdict is None:
                await asyncio.sleep(LOOK_EVERY)
                self._listen()
                self.verdict = self._vitals.look(self._see(now()))
            asking.cancel()
        say(_log, logging.ERROR, "stuck", part=self.verdict.part, why=self.verdict.why)
        self._stuck()

    async def _ask_often(self) -> None:
        now = asyncio.get_running_loop().time
        ask_at = find_at = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if self._silent and now() >= find_at:
                await self._find_anew()
                find_at = now() + _FIND_EVERY
            if now() >= ask_at:
                await self._ask()
                ask_at = now() + _ASK_EVERY

    def _see(self, now: float) -> Seen:
        source = self._source
        return Seen(
            now=now,
            work=self._work(),
            member=self._clock.now() < source.lease(),
            polls=source.polls,
            commits=source.commits,
            unread={p: at for p, at in self._unread.items() if source.position(p) == at},
            ended=self._ended(),
        )

    async def _ask(self) -> None:
        """Find the partitions that were wanted, have not moved since the last time, and yet have more in the log."""
        asked = self._source.asked()
        stands = {p: self._source.position(p) for p in asked if p not in self._source.stuck}
        still = [p for p, at in stands.items() if self._stands.get(p) == at]
        self._stands = stands
        # Partitions without a leader get no end: nothing can be fetched there anyway.
        ends, _ = await told_ends(self._source, still) if still else ({}, "")
        self._unread = {p: stands[p] for p, end in ends.items() if end > stands[p]}

    def _listen(self) -> None:
        """Log when the group's coordinator has not answered for long, and when it does again. It is no verdict.

        Kafka or the network is down, or a credential has been changed: the client keeps trying.
        """
        now = self._clock.now()
        if now < self._source.lease():
            if self._silent:
                seconds = round(now - self._answered_at)
                say(_log, logging.INFO, "the group answers again", seconds=seconds)
            self._answered_at, self._silent = now, False
        elif not self._silent and now - self._answered_at >= _SILENT_AFTER:
            self._silent = True
            advice = "check the brokers, the network, and whether credentials have expired; no restart is needed"
            say(_log, logging.ERROR, "the group does not answer", advice=advice)
