"""Action types of the ontology, a class each, with their parameters by API name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from consumer.contracts import Action, GeoPoint, Long, ObjectKey, Timestamp


class AddTicketComment(Action, api_name="add-ticket-comment"):
    """Add a comment to a ticket."""

    ticket: ObjectKey = Field(serialization_alias="ticket")
    author: str = Field(serialization_alias="author")
    text: str = Field(serialization_alias="text")
    written_at: Timestamp = Field(serialization_alias="writtenAt")
    event_id: str = Field(serialization_alias="eventId")


class CloseTicket(Action, api_name="close-ticket"):
    """Close a ticket."""

    ticket: ObjectKey = Field(serialization_alias="ticket")
    closed_at: Timestamp = Field(serialization_alias="closedAt")
    resolution: str | None = Field(default=None, serialization_alias="resolution")


class CreateTicket(Action, api_name="create-ticket"):
    """Create a ticket."""

    ticket_id: str = Field(serialization_alias="ticketId")
    title: str = Field(serialization_alias="title")
    priority: Literal["low", "high"] = Field(serialization_alias="priority")
    opened_at: Timestamp = Field(serialization_alias="openedAt")
    equipment: ObjectKey | None = Field(default=None, serialization_alias="equipment")


class DispatchTechnician(Action, api_name="dispatch-technician"):
    """Send a technician to a piece of equipment."""

    equipment: ObjectKey = Field(serialization_alias="equipment")
    fault_code: str = Field(serialization_alias="faultCode")
    reported_at: Timestamp = Field(serialization_alias="reportedAt")


class NotifyOnCall(Action, api_name="notify-on-call", batch=1):
    """Page the person on call about a ticket."""

    ticket: ObjectKey = Field(serialization_alias="ticket")
    message: str = Field(serialization_alias="message")


class RecordReading(Action, api_name="record-reading"):
    """Set the latest reading of a piece of equipment."""

    equipment: ObjectKey = Field(serialization_alias="equipment")
    measured_at: Timestamp = Field(serialization_alias="measuredAt")
    temperature_celsius: float = Field(serialization_alias="temperatureCelsius")
    running_milliseconds: Long = Field(serialization_alias="runningMilliseconds")


class RegisterEquipment(Action, api_name="register-equipment"):
    """Register a piece of equipment that was installed."""

    equipment_id: str = Field(serialization_alias="equipmentId")
    model: str = Field(serialization_alias="model")
    installed_at: Timestamp = Field(serialization_alias="installedAt")
    position: GeoPoint | None = Field(default=None, serialization_alias="position")


class SetEquipmentStatus(Action, api_name="set-equipment-status"):
    """Set the status of a piece of equipment."""

    equipment: ObjectKey = Field(serialization_alias="equipment")
    status: Literal["working", "faulty"] = Field(serialization_alias="status")


class SetTicketPriority(Action, api_name="set-ticket-priority"):
    """Set the priority of a ticket."""

    ticket: ObjectKey = Field(serialization_alias="ticket")
    priority: Literal["low", "high"] = Field(serialization_alias="priority")
    note: str | None = Field(default=None, serialization_alias="note")
