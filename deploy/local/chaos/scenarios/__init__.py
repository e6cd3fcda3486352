"""All scenarios, in the order of the tour."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.chaos.scenario import Scenario
from deploy.local.chaos.scenarios.brokers import BROKER, DISKFULL, LETTERS
from deploy.local.chaos.scenarios.groups import CHURN, FROZEN, KILLS, ZOMBIE
from deploy.local.chaos.scenarios.outages import BROWNOUT_SCENARIO, OUTAGE, SLOW
from deploy.local.chaos.scenarios.records import FLOOD, HOTKEY, POISON_SCENARIO
from deploy.local.chaos.scenarios.worlds import CLOCK, SOAK, TOKEN

ALL = (
    KILLS,
    CHURN,
    ZOMBIE,
    FROZEN,
    BROKER,
    OUTAGE,
    BROWNOUT_SCENARIO,
    LETTERS,
    FLOOD,
    POISON_SCENARIO,
    HOTKEY,
    SLOW,
    CLOCK,
    DISKFULL,
    TOKEN,
    SOAK,
)
SCENARIOS: Mapping[str, Scenario] = {each.name: each for each in ALL}
