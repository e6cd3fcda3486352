"""From the core's start to its end: the stop, its time limit, and runs that end by themselves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from consumer.errors import Unavailable
from consumer.model import Partition
from consumer.telemetry import say

_SUM_UP_EVERY: Final = 30.0
_LOOK_EVERY: Final = 0.1
_ASK_EVERY: Final = 1.0
"""Seconds between two questions to the group, asked only by runs that end by themselves."""
_TO_CLOSE: Final = 2.0
"""Seconds of the grace left for closing connections once the core has ended."""
_log = logging.getLogger(__name__)


class Core(Protocol):
    """What is run: `Dispatch`."""

    async def run(self) -> bool: ...
    def stop(self) -> None: ...
    def reached(self, ends: Mapping[Partition, int]) -> bool: ...


@dataclass(frozen=True, slots=True)
class Ends:
    """Up to where a run to the end has to get."""

    partitions: Callable[[], Collection[Partition]]
    """The partitions of all topics, whoever has them; none before the group is joined."""
    assigned: Callable[[], Collection[Partition]]
    """The partitions that this process has now."""
    offsets: Callable[[Collection[Partition]], Awaitable[Mapping[Partition, int]]]
    """The end offsets of these now; raises Unavailable."""
    committed: Callable[[Collection[Partition]], Awaitable[Mapping[Partition, int]]]
    """The offsets that the group has committed for these, whoever has them; raises Unavailable."""
    within: float | None
    """Seconds in which it has to get there; None: no limit."""


class Lifetime:
    """One run of the core."""

    def __init__(
        self,
        core: Core,
        sum_up: Callable[[], None],
        bound: Callable[[float], None],
        *,
        grace: float,
    ) -> None:
        """`bound`: have the process end within so many seconds, whatever hangs by then."""
        self._core = core
        self._sum_up = sum_up
        self._bound = bound
        self._grace = grace
        self._stopping = asyncio.Event()
        self._failed = False

    def stop(self) -> None:
        """Begin the stop; `run` returns within the grace, and the process ends within it."""
        self._bound(self._grace)
        self._stopping.set()

    def fail(self) -> None:
        """Stop, and report no success however well the stop goes."""
        self._failed = True
        self.stop()

    async def run(self, until: Ends | None = None) -> bool:
        """True if all that was begun is settled and committed, and a run to the end got there in time.

        Raises:
            BaseExceptionGroup: the core failed.
        """
        async with asyncio.TaskGroup() as tasks:
            core = tasks.create_task(self._core.run(), name="core")
            side = [
                tasks.create_task(self._stopping.wait(), name="stop"),
                tasks.create_task(self._sum_up_often(), name="sums"),
            ]
            if until is not None:
                side.append(tasks.create_task(self._until(until), name="until the end"))
            await asyncio.wait({core, side[0]}, return_when=asyncio.FIRST_COMPLETED)
            # The stop order. First the core: it takes no more records, drains, commits and leaves the
            # group. For that it needs Foundry and the dead-letter topics, so these are closed after it,
            # by whoever opened them. It is cancelled only when the grace is over: then it vanishes from
            # the group without leaving, and the session timeout covers what is still in flight. If
            # closing hangs after that, the bound cuts it off: nothing of it is needed any more.
            self._bound(self._grace)
            self._core.stop()
            _, late = await asyncio.wait({core}, timeout=self._grace - _TO_CLOSE)
            for task in (*late, *side):
                task.cancel()
        if late:
            say(_log, logging.ERROR, "the stop took too long", grace=self._grace)
            return False
        return core.result() and not self._failed

    async def _sum_up_often(self) -> None:
        while True:
            await asyncio.sleep(_SUM_UP_EVERY)
            self._sum_up()

    async def _until(self, ends: Ends) -> None:
        try:
            async with asyncio.timeout(ends.within):
                seen = await _seen(ends)
                while not await self._reached(ends, seen):  # noqa: ASYNC110 - see there
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            say(_log, logging.ERROR, "the end was not reached", seconds=ends.within)
            self.fail()
        else:
            self.stop()

    async def _reached(self, ends: Ends, seen: Mapping[Partition, int]) -> bool:
        """True: every offset in `seen` is settled. Polled for, as the loop that settles records notifies nobody."""
        assigned = set(ends.assigned())
        here = {partition: end for partition, end in seen.items() if partition in assigned}
        if not self._core.reached(here):
            return False
        elsewhere = {partition: end for partition, end in seen.items() if partition not in here}
        if not elsewhere:
            return True
        # Another member has these, maybe for good.
        await asyncio.sleep(_ASK_EVERY)
        try:
            committed = await ends.committed(elsewhere)
        except Unavailable as fault:
            say(_log, logging.WARNING, "committed offsets are not known", cause=fault.cause)
            return False
        return all(committed.get(partition, -1) >= end for partition, end in elsewhere.items())


async def _seen(ends: Ends) -> Mapping[Partition, int]:
    """The end offsets of all partitions once the group is joined; asked until the brokers answer."""
    while True:
        partitions = ends.partitions()
        if partitions:
            try:
                return await ends.offsets(partitions)
            except Unavailable as fault:
                say(_log, logging.WARNING, "end offsets are not known", cause=fault.cause)
        await asyncio.sleep(_LOOK_EVERY)
