"""Records that are the trouble themselves: keys that always fail, one key for half of all, floods of invalid ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from deploy.local.chaos.defects import LANE_AT_ONCE, LANE_OVERTAKEN
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
        before, began = len(stage.seen.effects), time.time()
        with stage.fault(fault, key=value, **given):
            await stage.wait(lasts)
        done = len(stage.seen.effects) - before
        stage.expect(done >= LEAST_WORK, f"{kind}: only {done} effects while one key fails")
        if lasts >= GIVEN_UP_WITHIN:
            letters = await stage.kafka.letters()
            given_up = [each for each in letters if each.time > began and each.reason in DESERVED]
            stage.expect(given_up, f"{kind}: no record of the key was given up in {lasts:.0f} s")


async def only_wait(stage: Stage) -> None:
    while stage.goes_on:
        await stage.wait(1)


HOTKEY = Scenario(
    "hotkey",
    "half of all events have one key",
    only_wait,
    defects=(LANE_AT_ONCE,),
    given=Given(rate=24, mix=Mix(hot=0.5), latency=(0.01, 0.06)),
    seconds=12,
)
POISON_SCENARIO = Scenario(
    "poison",
    "one key always fails: refused, 409, 500, silence, 403",
    poison_one_key,
    defects=(LANE_OVERTAKEN,),
    given=Given(rate=100, mix=Mix(lanes=60, hot=0.05)),
    seconds=25,
)
