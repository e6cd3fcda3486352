"""Clocks that jump, tokens that die, floods; and a little of everything for long."""

from __future__ import annotations

from contextlib import ExitStack

from deploy.local.chaos.defects import COMMIT_BY_WALL_CLOCK, COMMIT_EARLY, TASKS_LEFT, TOKEN_EACH
from deploy.local.chaos.growth import TASKS_TOLD, growth, in_words, watched
from deploy.local.chaos.process import Consumer
from deploy.local.chaos.scenario import Given, Scenario
from deploy.local.chaos.scenarios.outages import BROWNOUT
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix

HOUR = 3600.0
SUCCESSOR = "chaos-secret-{}"


async def set_the_clock(stage: Stage) -> None:
    while stage.goes_on:
        for ahead in (HOUR, -HOUR, 24 * HOUR, 0.0):
            stage.set_clocks(ahead)
            await stage.wait(2, 4)


async def let_the_token_die(stage: Stage) -> None:
    """It is refused early, with hundreds in flight; every other time the secret is a new one as well."""
    number = 0
    while stage.goes_on:
        await stage.wait(1.5, 3)
        number += 1
        before = stage.foundry.identity.issued
        if number % 2:
            stage.rotate_secret(SUCCESSOR.format(number))
        stage.foundry.identity.expire_all()
        await stage.wait(1.5)
        fetched = stage.foundry.identity.issued - before
        stage.expect(fetched == 1, f"{fetched} tokens were fetched when one had died")


async def a_little_of_everything(stage: Stage) -> None:
    """Each fault of the brownout at a tenth of its rate, and now and then something worse.

    One process lives through all of it: what it takes must not become more.
    """
    veteran = stage.consumers[0]
    async with watched(veteran) as looks:
        await _everything(stage, veteran)
    stage.expect(veteran.alive, "the process that was to live through all of it ended")
    stage.notes.append(in_words(looks))
    for each in growth(looks):
        stage.expect(holds=False, what=each)


async def _everything(stage: Stage, veteran: Consumer) -> None:
    with ExitStack() as faults:
        for kind, given in BROWNOUT.values():
            faults.enter_context(stage.fault(kind, **{**given, "share": given["share"] / 10}))
        while stage.goes_on:
            await stage.wait(3, 10)
            other = next((each for each in stage.consumers if each is not veteran), None)
            await _something_worse(stage, other or await stage.start())


async def _something_worse(stage: Stage, other: Consumer) -> None:
    match stage.chance.choice(("kill", "leave", "stop", "token", "broker", "outage")):
        case "kill":
            await stage.kill(other)
            await stage.start()
        case "leave":
            await stage.stop(other)
            await stage.start()
        case "stop":
            async with stage.standing_still(stage.anyone()):
                await stage.wait(1, 10)
        case "token":
            stage.foundry.identity.expire_all()
        case "broker":
            async with stage.broker_away():
                stage.broker.suspend()
                await stage.wait(0.5, 3)
                stage.broker.resume()
        case _:
            with stage.fault("status", status=503):
                await stage.wait(1, 4)


CLOCK = Scenario(
    "clock",
    "the service's wall clock jumps by an hour and a day, both ways",
    set_the_clock,
    defects=(COMMIT_BY_WALL_CLOCK,),
    given=Given(jumping_clock=True),
    seconds=12,
)
TOKEN = Scenario(
    "token",
    "the token dies early, and the secret is rotated, under load",
    let_the_token_die,
    defects=(TOKEN_EACH,),
    given=Given(rate=500, mix=Mix(lanes=2000, refused=0), latency=(0.2, 0.6)),
    seconds=15,
)
SOAK = Scenario(
    "soak",
    "all of it, at a tenth of the rate",
    a_little_of_everything,
    defects=(COMMIT_EARLY, TASKS_LEFT),
    given=Given(processes=2, rate=100),
    patches=(TASKS_TOLD,),
    seconds=30,
)
