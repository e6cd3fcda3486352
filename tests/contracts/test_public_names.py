"""The names that contracts are written with are promises: one that goes breaks the owners' code."""

from __future__ import annotations

from types import ModuleType

from consumer import contracts

PUBLISHED = [
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


def test_every_published_name_is_there_and_no_other() -> None:
    assert contracts.__all__ == PUBLISHED
    assert all(hasattr(contracts, name) for name in PUBLISHED)


def test_nothing_public_is_missing_from_all() -> None:
    there = {
        name
        for name, value in vars(contracts).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }

    assert there == set(PUBLISHED)
