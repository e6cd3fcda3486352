"""A broker that goes, stands still, takes no letters, or has no room."""

from __future__ import annotations

import asyncio
import resource
import sys

from deploy.local.chaos.defects import CLAIMS_FORGOTTEN, COMMIT_EARLY, LETTER_UNACKNOWLEDGED
from deploy.local.chaos.failed import NotPlayable
from deploy.local.chaos.scenario import Given, Scenario
from deploy.local.chaos.settings import SESSION_TIMEOUT
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix

SHORT = 100
"""Bytes: no letter is as small."""


async def bounce_the_broker(stage: Stage) -> None:
    """Killed and started again on its data, or only silent, for less or for more than a session."""
    while stage.goes_on:
        async with stage.broker_away():
            if stage.chance.random() < 0.5:  # noqa: PLR2004 -- a coin
                await asyncio.to_thread(stage.broker.kill)
                await stage.wait(0.5, 3)
                await asyncio.to_thread(stage.broker.restart)
            else:
                stage.broker.suspend()
                await stage.wait(1, 2 * SESSION_TIMEOUT)
                stage.broker.resume()
        await stage.wait(3, 6)


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
    given=Given(rate=200, mix=Mix(lanes=2000, refused=0.05), latency=(0.3, 1.2)),
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
