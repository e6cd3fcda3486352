"""Records that are the trouble themselves: keys that always fail, one key for half of all, floods of invalid ones."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deploy.local.chaos.defects import BATCH_CONDEMNED, BUDGET_IGNORED, LANE_FORGOTTEN
from deploy.local.chaos.poison import value_of_first_lane
from deploy.local.chaos.scenario import Given, Scenario
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix

POISON: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "refused": ("error", {"name": "ActionValidationFailed", "code": "INVALID_ARGUMENT"}),
    "409": ("error", {"name": "ObjectChanged", "code": "CONFLICT"}),
    "500": ("status", {"status": 500}),
    "timeout": ("hang", {}),
    "403": ("error", {"name": "EditObjectPermissionDenied", "code": "PERMISSION_DENIED"}),
}
BURST, RATIO, AMPLE = 50, 0.05, 1_000_000
"""The letter budget, and one that lets everything be written."""
DESERVED = frozenset({"rejected", "exhausted", "unknown"})
LEAST_WORK = 20
"""Effects of others while one key is tried in vain."""
GIVEN_UP_WITHIN = 40.0
"""Seconds in which `retry.attempts` are over, with each request silent until it is given up."""


async def poison_one_key(stage: Stage) -> None:
    """All records of one key fail, each time in another way; the others must not suffer."""
    value, lanes = value_of_first_lane(stage.supply.found, stage.seen.prepare)
    stage.deserved |= dict.fromkeys(lanes, DESERVED)
    lasts = max(3.0, stage.seconds / len(POISON))
    for kind, (fault, given) in POISON.items():
        stage.doing = f"poison: {kind}"
        began, before = time.time(), Counter(stage.foundry.effects.by_action)
        with stage.fault(fault, key=value, **given):
            await stage.wait(lasts / 2)
            half = Counter(stage.foundry.effects.by_action)
            await stage.wait(lasts / 2)
            done = Counter(stage.foundry.effects.by_action)
        work = (done - before).total()
        stage.expect(work >= LEAST_WORK, f"{kind}: only {work} effects while one key fails")
        if lasts >= GIVEN_UP_WITHIN:
            await _gave_up(stage, kind, began)
            idle = sorted(name for name in done if name not in done - half)
            stage.expect(
                not idle, f"{kind}: one key stops all of {', '.join(idle)} for {lasts / 2:.0f} s"
            )


async def _gave_up(stage: Stage, kind: str, began: float) -> None:
    letters = await stage.kafka.letters()
    given_up = [each for each in letters if each.time > began and each.reason in DESERVED]
    stage.expect(given_up, f"{kind}: no record of the key was given up")


async def flood_with_invalid_ones(stage: Stage) -> None:
    """After a bad deploy of the publisher every event is invalid: letters stop when nothing pays for them."""
    calm = stage.supply.mix
    await stage.wait(stage.seconds / 3)
    stage.supply.mix = replace(calm, refused=1.0)
    await stage.wait(stage.seconds * 2 / 3)
    stage.supply.mix = calm
    letters = len(await stage.kafka.letters())
    await stage.look()
    applied = len(stage.seen.effects)
    paid = BURST + RATIO * applied
    stage.expect(letters <= paid, f"{letters} letters, {applied} successes pay for {paid:.0f}")
    # Somebody has looked, and lets them be written.
    for each in list(stage.consumers):
        await stage.stop(each)
    await stage.start(dead_letters={"budget_burst": AMPLE})


async def only_wait(stage: Stage) -> None:
    while stage.goes_on:
        await stage.wait(1)


HOTKEY = Scenario(
    "hotkey",
    "half of all events have one key",
    only_wait,
    defects=(LANE_FORGOTTEN,),
    given=Given(rate=24, mix=Mix(hot=0.5), latency=(0.01, 0.06)),
    seconds=12,
)
FLOOD = Scenario(
    "flood",
    "all events are invalid after a bad deploy of the publisher",
    flood_with_invalid_ones,
    defects=(BUDGET_IGNORED,),
    given=Given(settings={"dead_letters": {"budget_burst": BURST, "budget_ratio": RATIO}}),
    seconds=15,
)
POISON_SCENARIO = Scenario(
    "poison",
    "one key always fails: refused, 409, 500, silence, 403",
    poison_one_key,
    defects=(BATCH_CONDEMNED,),
    given=Given(
        rate=250,
        mix=Mix(lanes=300, hot=0.03),
        # Few slots, so that batches gather: the poisoned record has company.
        settings={"foundry": {"max_in_flight": 6}},
    ),
    seconds=25,
)
