"""Members that come, go and stand still."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Sequence
from functools import partial
from itertools import cycle

from deploy.local.chaos import ambush
from deploy.local.chaos.case import NEVER
from deploy.local.chaos.defects import (
    CLAIMS_FORGOTTEN,
    COMMIT_EARLY,
    DONE_LEFT_OUT,
    LEASE_FORGOTTEN,
)
from deploy.local.chaos.evidence import Published
from deploy.local.chaos.phases import CLAIMED, PHASES, SENT, UNANSWERED
from deploy.local.chaos.rebalances import rebalances
from deploy.local.chaos.scenario import Given, Scenario
from deploy.local.chaos.settings import SESSION_TIMEOUT
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix
from deploy.local.demo.evidence import Place

MOST_MEMBERS = 3
TAKES_OVER_WITHIN = 40.0


ANY_MOMENT = ""
ON_THEIR_WAY = 500
REBALANCES = 150


async def kill_again_and_again(stage: Stage) -> None:
    """At each point of a request in turn; and at any moment, with actions that are applied and whose answers are on their way."""
    left: list[str] = []
    while stage.goes_on:
        left = left or stage.chance.sample((*PHASES, ANY_MOMENT), k=len(PHASES) + 1)
        await stage.wait(0.5, 2)
        await _kill(stage, left.pop())
        await stage.start()
    _tell_how_many_were_on_their_way(stage)


def _tell_how_many_were_on_their_way(stage: Stage) -> None:
    kills = [each.phases for each in stage.seen.disturbances if each.phases]
    sent = [phases[SENT] + phases[UNANSWERED] for phases in kills]
    if not sent:
        return
    usual = statistics.median(sent)
    stage.notes.append(f"records on their way at a kill: {usual:.0f} ({min(sent)} to {max(sent)})")
    if KILLS.is_long(stage.seconds):
        stage.expect(
            usual >= ON_THEIR_WAY,
            f"{usual:.0f} records were on their way at a kill, not {ON_THEIR_WAY}",
        )


async def _kill(stage: Stage, point: str) -> None:
    if point != ANY_MOMENT:
        await stage.kill_at(stage.anyone(), point)
        return
    with stage.fault("hang", when="after", seconds=0.7, share=0.3):
        await stage.wait(1)
        await stage.kill(stage.anyone())


async def join_and_leave(stage: Stage) -> None:
    while stage.goes_on:
        # From one to the next: how long a member takes to come or to go counts.
        due = time.monotonic() + stage.chance.uniform(1, min(10, stage.seconds / 5))
        members = len(stage.consumers)
        if members == MOST_MEMBERS or (members > 1 and stage.chance.random() < 0.5):  # noqa: PLR2004 -- a coin
            await stage.stop(stage.anyone())
        else:
            await stage.start()
        await stage.wait(max(0.0, due - time.monotonic()))
    count = rebalances(each.log for each in stage.everyone)
    stage.notes.append(f"{count} rebalances")
    if CHURN.is_long(stage.seconds):
        stage.expect(count >= REBALANCES, f"the group rebalanced {count} times, not {REBALANCES}")


async def outsleep_the_session(stage: Stage) -> None:
    """Another member takes over meanwhile, and keeps what it has when the sleeper wakes up."""
    while stage.goes_on:
        async with stage.standing_still(stage.anyone()):
            await stage.wait(1.5 * SESSION_TIMEOUT, 2 * SESSION_TIMEOUT)
        await stage.wait(2, 4)


async def freeze_before_the_write(stage: Stage) -> None:
    """Between a claim that is stored and the first byte of its request; who wakes up must not send it any more."""
    woken: dict[int, float] = {}
    """By record that was in hand: since when what had it in hand may send it no more."""
    for repeat in cycle(("ask", "never")):
        if not stage.goes_on:
            break
        await stage.wait(2, 4)
        consumer = stage.anyone()
        hit = await ambush.hit(consumer.orders, CLAIMED, signal.SIGSTOP, repeat)
        if hit is None:
            continue
        async with stage.standing_still(consumer, hit):
            await stage.wait(SESSION_TIMEOUT)
            contracts = stage.kafka.contract_of
            held = stage.seen.at({Place(contracts(each.topic), *each[1:]) for each in hit.places})
            await stage.until(
                partial(_all_done, stage, held),
                f"another member settles {held}, which the frozen one had claimed",
                within=TAKES_OVER_WITHIN,
            )
            woken |= dict.fromkeys((each.number for each in held), time.time())
    await stage.wait(1)
    for effect in stage.seen.effects:
        late = effect.time > woken.get(effect.number, NEVER)
        place = stage.seen.published[effect.number].place
        stage.expect(not late, f"{place} left a process that had stood still")


def _all_done(stage: Stage, records: Sequence[Published]) -> bool:
    return all(map(stage.seen.is_done, records))


CROWDED = Mix(lanes=2000)
THRONGED = Mix(lanes=5000)

KILLS = Scenario(
    "kills",
    "kill -9 at random moments and between any two steps, 500 to 1,000 records in flight",
    kill_again_and_again,
    defects=(COMMIT_EARLY, CLAIMS_FORGOTTEN),
    given=Given(processes=2, rate=900, mix=THRONGED, latency=(1.2, 2.2)),
    seconds=40,
    points=PHASES,
    long=1500,
)
FROZEN = Scenario(
    "frozen",
    "SIGSTOP between a stored claim and the write of its request, until another member has settled it",
    freeze_before_the_write,
    defects=(LEASE_FORGOTTEN,),
    given=Given(
        processes=2,
        rate=200,
        mix=Mix(kinds=("ask", "never", "safe"), lanes=2000),
        latency=(0.05, 0.3),
    ),
    seconds=25,
    points=(CLAIMED,),
    long=420,
)
CHURN = Scenario(
    "churn",
    "members join and leave in order, every second to every ten",
    join_and_leave,
    defects=(DONE_LEFT_OUT,),
    given=Given(rate=300, mix=CROWDED, latency=(0.05, 0.8)),
    seconds=25,
    long=960,
)
ZOMBIE = Scenario(
    "zombie",
    "SIGSTOP for longer than the session, then SIGCONT",
    outsleep_the_session,
    defects=(CLAIMS_FORGOTTEN,),
    given=Given(processes=2, rate=300, mix=CROWDED, latency=(0.2, 0.8)),
    seconds=20,
)
