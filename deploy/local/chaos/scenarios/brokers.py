"""A broker that goes, stands still, takes no letters, or has no room."""

from __future__ import annotations

import asyncio
import resource
import sys
from itertools import cycle

from deploy.local.chaos.defects import CLAIMS_FORGOTTEN, COMMIT_EARLY, LETTER_UNACKNOWLEDGED
from deploy.local.chaos.failed import NotPlayable
from deploy.local.chaos.scenario import Given, Scenario
from deploy.local.chaos.settings import COMMIT_INTERVAL, SESSION_TIMEOUT
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix

LAST_COMMIT_WITHIN = 10.0
"""Seconds for which a member that gives its partitions up tries to commit."""
AT_WORK = 300
"""Effects after which there are claims that a broker may take with it; a first kill before that shows nothing."""
SHORT = 100
"""Bytes: no letter is as small."""


async def bounce_the_broker(stage: Stage) -> None:
    """Killed and started on its data, or only silent, for a moment or for long."""
    await stage.until(lambda: len(stage.seen.effects) > AT_WORK, "the service is at work")
    # The long one first: what a member did of what it had claimed stands in the store as claimed alone.
    for bounce, low, high in cycle(
        (
            (_killed_amid_a_commit, LAST_COMMIT_WITHIN, 1.3 * LAST_COMMIT_WITHIN),
            (_silent, 1.5 * SESSION_TIMEOUT, 2 * SESSION_TIMEOUT),
            (_killed, 0.5, 3.0),
            (_silent, 1.0, SESSION_TIMEOUT),
        )
    ):
        if not stage.goes_on:
            break
        async with stage.broker_away():
            await bounce(stage, low, high)
        await stage.wait(3, 6)


async def _killed(stage: Stage, low: float, high: float) -> None:
    await asyncio.to_thread(stage.broker.kill)
    await stage.wait(low, high)
    await asyncio.to_thread(stage.broker.restart)


async def _killed_amid_a_commit(stage: Stage, low: float, high: float) -> None:
    """Of a commit without an answer nobody knows whether it may land later: its member has to become another one."""
    stage.broker.suspend()
    await stage.wait(1.5 * COMMIT_INTERVAL)
    await _killed(stage, low, high)


async def _silent(stage: Stage, low: float, high: float) -> None:
    stage.broker.suspend()
    await stage.wait(low, high)
    stage.broker.resume()


async def take_no_letters(stage: Stage) -> None:
    """The letters' topics take nothing of that size, then they are gone; the records wait."""
    while stage.goes_on:
        await stage.kafka.limit_letters(SHORT)
        await stage.wait(2, 4)
        await stage.kill(stage.anyone())
        await stage.start()
        await stage.kafka.delete_letter_topics()
        await stage.wait(2, 4)
        await stage.kafka.make_letter_topics()
        await stage.wait(3, 5)


async def fill_the_disk(stage: Stage) -> None:
    """The broker's files may not grow: to it that is a disk without room, and it gives up; then there is room again."""
    if sys.platform != "linux":
        raise NotPlayable("only Linux can limit the files of a running process")
    while stage.goes_on:
        await stage.wait(2, 5)
        async with stage.broker_away():
            resource.prlimit(stage.broker.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            fell = await stage.until(lambda: not stage.broker.alive, "the broker gives up")
            await stage.wait(1, 3)
            if fell:
                await asyncio.to_thread(stage.broker.restart)


BROKER = Scenario(
    "broker",
    "the broker is killed and started on its data, or stands still",
    bounce_the_broker,
    defects=(CLAIMS_FORGOTTEN,),
    # Fewer bad ones than successes pay for: in the long run the gate would close for good.
    given=Given(rate=200, mix=Mix(lanes=2000, refused=0.03), latency=(0.3, 1.2)),
    seconds=25,
)
LETTERS = Scenario(
    "letters",
    "the dead-letter topics refuse letters for their size, or are gone",
    take_no_letters,
    defects=(LETTER_UNACKNOWLEDGED,),
    given=Given(rate=100, mix=Mix(refused=0.05)),
    seconds=20,
)
DISKFULL = Scenario(
    "diskfull",
    "the broker cannot write its log, and falls",
    fill_the_disk,
    defects=(COMMIT_EARLY,),
    given=Given(rate=200, latency=(0.1, 0.5)),
    seconds=15,
)
