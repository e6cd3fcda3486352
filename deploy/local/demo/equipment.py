"""The life of a piece of equipment as its gateway publishes it: installed, then readings, notices and faults."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from deploy.local.demo.events import (
    EQUIPMENT,
    Bury,
    Draft,
    Expectation,
    Ignore,
    as_published,
    at,
    encoded,
    on_the_wire,
    wanted,
)
from deploy.local.demo.sites import HOTTEST_CELSIUS

MODELS = ("LaserJet 4", "Chiller 200", "Pump B")
READING, BREAKDOWN, NOTICE = "reading", "breakdown", "notice"
HAPPENINGS = ((READING, BREAKDOWN, NOTICE), (88, 7, 5))
"""What a gateway tells, and how often of a hundred times."""
PLAIN, UNCALIBRATED, MELTING = "plain", "uncalibrated", "melting"
READINGS = ((PLAIN, UNCALIBRATED, MELTING), (94.5, 5, 0.5))
POSITION_KNOWN = 0.7
LOCAL_TIME = 0.3


class Machine:
    """One piece of equipment; `story` gives its events in their order."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self._id = f"E-{number:08X}"
        self._chance = chance
        self._seconds = chance.uniform(0, 86_400)
        # Above 2**53: whoever reads it as a float somewhere changes it.
        self._running = 2**53 + chance.randint(0, 10**9)

    def story(self) -> Iterator[Draft]:
        yield self._installed()
        for _ in range(self._chance.randint(4, 12)):
            kind = _one_of(self._chance, HAPPENINGS)
            yield self._reading() if kind == READING else self._fault(kind)

    def _installed(self) -> Draft:
        moment = self._moment()
        model = self._chance.choice(MODELS)
        fields: dict[str, Any] = {
            "kind": "installed",
            "equipment_id": self._id,
            "model": model,
            "installed_at": self._written(moment),
        }
        position = None
        if self._chance.random() < POSITION_KNOWN:
            latitude = round(self._chance.uniform(-90, 90), 4)
            longitude = round(self._chance.uniform(-180, 180), 4)
            fields["position"] = {"latitude": latitude, "longitude": longitude}
            position = {"type": "Point", "coordinates": [longitude, latitude]}
        parameters = {
            "equipmentId": self._id,
            "model": model,
            "installedAt": on_the_wire(moment),
            "position": position,
        }
        return self._draft(fields, wanted(("register-equipment", parameters)))

    def _reading(self) -> Draft:
        moment = self._moment()
        kind = _one_of(self._chance, READINGS)
        celsius = round(self._chance.uniform(-20, 80), 1)
        if kind == MELTING:
            celsius = HOTTEST_CELSIUS + 10.5  # the contract takes it, the ontology does not
        self._running += self._chance.randint(1, 10**6)
        fields = {
            "kind": "reading",
            "equipment_id": self._id,
            "measured_at": self._written(moment),
            "temperature_celsius": celsius,
            "running_milliseconds": self._running,
        }
        parameters = {
            "equipment": self._id,
            "measuredAt": on_the_wire(moment),
            "temperatureCelsius": celsius,
            "runningMilliseconds": str(self._running),
        }
        if kind == MELTING:
            return self._draft(fields, Bury("rejected"))
        if kind == UNCALIBRATED:
            return self._draft({**fields, "calibrated": False}, Ignore())
        return self._draft(fields, wanted(("record-reading", parameters)))

    def _fault(self, severity: str) -> Draft:
        moment = self._moment()
        code = f"F{self._chance.randint(0, 999):03}"
        fields = {
            "kind": "fault",
            "equipment_id": self._id,
            "fault_code": code,
            "reported_at": self._written(moment),
            "severity": severity,
        }
        if severity == NOTICE:
            return self._draft(fields, Ignore())
        parameters = {
            "equipment": self._id,
            "faultCode": code,
            "reportedAt": on_the_wire(moment),
        }
        return self._draft(fields, wanted(("dispatch-technician", parameters)))

    def _moment(self) -> datetime:
        self._seconds += self._chance.randint(1, 3_600)
        return at(self._seconds)

    def _written(self, moment: datetime) -> str:
        return as_published(moment, local=self._chance.random() < LOCAL_TIME)

    def _draft(self, fields: Mapping[str, Any], expect: Expectation) -> Draft:
        return Draft(EQUIPMENT, self._id, encoded(fields), (), expect)


def _one_of(chance: random.Random, weighted: tuple[Sequence[str], Sequence[float]]) -> str:
    return chance.choices(*weighted)[0]
