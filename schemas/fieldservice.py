"""Equipment in the field: plain JSON that the gateways publish, its type in the field `kind`."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from consumer.contracts import Contract, Event, GeoPoint, Ignored, field, ignore
from schemas.ontology import DispatchTechnician, RecordReading, RegisterEquipment

EQUIPMENT_ID = r"^E-[0-9A-F]{4,12}$"
ABSOLUTE_ZERO_CELSIUS = -273.15


class Position(Event):
    """Where it stands, in degrees."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class EquipmentInstalled(Event):
    """A piece of equipment was installed."""

    kind: Literal["installed"]
    equipment_id: str = Field(pattern=EQUIPMENT_ID)
    model: str = Field(min_length=1, max_length=100)
    installed_at: AwareDatetime
    position: Position | None = None


class ReadingTaken(Event):
    """A piece of equipment measured itself."""

    kind: Literal["reading"]
    equipment_id: str = Field(pattern=EQUIPMENT_ID)
    measured_at: AwareDatetime
    temperature_celsius: float = Field(ge=ABSOLUTE_ZERO_CELSIUS)
    running_milliseconds: int = Field(ge=0, lt=2**63)
    calibrated: bool = True


class FaultReported(Event):
    """A piece of equipment cannot go on by itself."""

    kind: Literal["fault"]
    equipment_id: str = Field(pattern=EQUIPMENT_ID)
    fault_code: str = Field(pattern=r"^F[0-9]{3}$")
    reported_at: AwareDatetime
    severity: Literal["notice", "breakdown"]


equipment = Contract("fieldservice.equipment", type_from=field("kind"))


@equipment.on("installed", EquipmentInstalled, order_by="equipment_id", repeat="create")
def register(event: EquipmentInstalled) -> RegisterEquipment:
    at = event.position
    return RegisterEquipment(
        equipment_id=event.equipment_id,
        model=event.model,
        installed_at=event.installed_at,
        position=None if at is None else GeoPoint(latitude=at.latitude, longitude=at.longitude),
    )


@equipment.on("reading", ReadingTaken, order_by="equipment_id", repeat="safe")
def record_reading(event: ReadingTaken) -> RecordReading | Ignored:
    if not event.calibrated:
        return ignore("readings before calibration mean nothing")
    return RecordReading(
        equipment=event.equipment_id,
        measured_at=event.measured_at,
        temperature_celsius=event.temperature_celsius,
        running_milliseconds=event.running_milliseconds,
    )


@equipment.on("fault", FaultReported, order_by="equipment_id", repeat="never")
def dispatch(event: FaultReported) -> DispatchTechnician | Ignored:
    if event.severity == "notice":
        return ignore("a notice needs no technician")
    return DispatchTechnician(
        equipment=event.equipment_id,
        fault_code=event.fault_code,
        reported_at=event.reported_at,
    )
