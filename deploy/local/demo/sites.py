"""The ontology of the demo: the emulator's own, with printers that are there already, and stricter than the contracts."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from deploy.local.foundry.example import ONTOLOGY

HOTTEST_CELSIUS = 120.0
PRINTERS = 0xA0000000


def printer(ticket: int) -> str:
    """The printer that a ticket is about. Each ticket has its own: repairs of one printer would all look alike."""
    return f"E-{PRINTERS + ticket:08X}"


def ontology(tickets: Iterable[int]) -> dict[str, Any]:
    """A help desk with the printers of these tickets, which refuses readings that would melt the sensor."""
    made = copy.deepcopy(ONTOLOGY)
    made["objects"] = {
        "Equipment": [
            {"equipmentId": printer(number), "model": "LaserJet 4", "status": "faulty"}
            for number in sorted(tickets)
        ]
    }
    for action in made["actionTypes"]:
        if action["actionType"]["apiName"] == "record-reading":
            celsius = action["actionType"]["parameters"]["temperatureCelsius"]
            allowed = {"type": "range", "lte": HOTTEST_CELSIUS}
            celsius["validation"] = {"defaultValidation": {"allowedValues": allowed}}
    return made
