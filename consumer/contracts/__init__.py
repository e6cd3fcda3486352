"""The public API that contracts are written with: every name in `__all__` is a promise."""

from __future__ import annotations

from consumer.contracts.actions import Action
from consumer.contracts.ask import Ask, ask
from consumer.contracts.contract import Contract, Route, ignore
from consumer.contracts.events import Event
from consumer.contracts.loading import Contracts, load
from consumer.contracts.meta import Meta
from consumer.contracts.type_from import TypeFrom, cloudevents, constant, field, header
from consumer.contracts.wire import (
    Attachment,
    Date,
    Decimal,
    GeoPoint,
    GeoShape,
    Integer,
    InterfaceObject,
    Long,
    Marking,
    MediaReference,
    ObjectKey,
    ObjectSet,
    ObjectType,
    Struct,
    TimeSeries,
    TimeSeriesReference,
    TimeSeriesTemplate,
    Timestamp,
    Vector,
)
from consumer.errors import ContractError
from consumer.model import Ignored

__all__ = [
    "Action",
    "Ask",
    "Attachment",
    "Contract",
    "ContractError",
    "Contracts",
    "Date",
    "Decimal",
    "Event",
    "GeoPoint",
    "GeoShape",
    "Ignored",
    "Integer",
    "InterfaceObject",
    "Long",
    "Marking",
    "MediaReference",
    "Meta",
    "ObjectKey",
    "ObjectSet",
    "ObjectType",
    "Route",
    "Struct",
    "TimeSeries",
    "TimeSeriesReference",
    "TimeSeriesTemplate",
    "Timestamp",
    "TypeFrom",
    "Vector",
    "ask",
    "cloudevents",
    "constant",
    "field",
    "header",
    "ignore",
    "load",
]
