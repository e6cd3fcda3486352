"""Members that come, go and stand still."""

from __future__ import annotations

from deploy.local.chaos.defects import CLAIMS_FORGOTTEN, COMMIT_EARLY, DONE_LEFT_OUT
from deploy.local.chaos.scenario import Given, Scenario
from deploy.local.chaos.settings import SESSION_TIMEOUT
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix

MOST_MEMBERS = 3


async def kill_again_and_again(stage: Stage) -> None:
    """Now and then with actions that are applied and whose answers are on their way."""
    while stage.goes_on:
        await stage.wait(0.5, 3)
        with stage.fault("hang", when="after", seconds=0.7, share=0.3):
            await stage.wait(1)
            await stage.kill(stage.anyone())
        await stage.start()


async def join_and_leave(stage: Stage) -> None:
    while stage.goes_on:
        members = len(stage.consumers)
        if members == MOST_MEMBERS or (members > 1 and stage.chance.random() < 0.5):  # noqa: PLR2004 -- a coin
            await stage.stop(stage.anyone())
        else:
            await stage.start()
        await stage.wait(1, min(10, stage.seconds / 5))


async def outsleep_the_session(stage: Stage) -> None:
    """Another member takes over meanwhile, and keeps what it has when the sleeper wakes up."""
    while stage.goes_on:
        async with stage.standing_still(stage.anyone()):
            await stage.wait(1.5 * SESSION_TIMEOUT, 2 * SESSION_TIMEOUT)
        await stage.wait(2, 4)


CROWDED = Mix(lanes=2000)

KILLS = Scenario(
    "kills",
    "kill -9 at random moments, 500 to 1,000 records in flight",
    kill_again_and_again,
    defects=(COMMIT_EARLY, CLAIMS_FORGOTTEN),
    given=Given(processes=2, rate=500, mix=CROWDED, latency=(0.6, 1.4)),
    seconds=25,
)
CHURN = Scenario(
    "churn",
    "members join and leave in order, every second to every ten",
    join_and_leave,
    defects=(DONE_LEFT_OUT,),
    given=Given(rate=300, mix=CROWDED, latency=(0.05, 0.8)),
    seconds=25,
)
ZOMBIE = Scenario(
    "zombie",
    "SIGSTOP for longer than the session, then SIGCONT",
    outsleep_the_session,
    defects=(CLAIMS_FORGOTTEN,),
    given=Given(processes=2, rate=300, mix=CROWDED, latency=(0.2, 0.8)),
    seconds=20,
)
