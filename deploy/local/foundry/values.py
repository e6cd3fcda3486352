"""The wire encoding of parameter values: one precompiled check per data type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

Check = Callable[[Any], bool]

INTEGER = re.compile(r"-?[0-9]{1,19}")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
RID = re.compile(r"ri\.[a-z][a-z0-9-]*\.[a-z0-9-]*\.[a-z][a-z0-9-]*\.\S+")


def is_string(value: Any) -> bool:
    return type(value) is str


def is_boolean(value: Any) -> bool:
    return type(value) is bool


def is_integer(value: Any) -> bool:
    return type(value) is int and -(2**31) <= value < 2**31


def is_long(value: Any) -> bool:
    """A string of digits; a JSON number is let pass too, as clients in the field send it."""
    if type(value) is str:
        return INTEGER.fullmatch(value) is not None and -(2**63) <= int(value) < 2**63
    return type(value) is int and -(2**63) <= value < 2**63


def is_double(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


def is_decimal(value: Any) -> bool:
    return type(value) is str and DECIMAL.fullmatch(value) is not None


def is_date(value: Any) -> bool:
    if type(value) is not str or DATE.fullmatch(value) is None:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_timestamp(value: Any) -> bool:
    if type(value) is not str or TIMESTAMP.fullmatch(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_rid(value: Any) -> bool:
    return type(value) is str and RID.fullmatch(value) is not None


def is_geo_point(value: Any) -> bool:
    """A GeoJSON Point, or a geohash as text."""
    if type(value) is str:
        return True
    return (
        isinstance(value, dict)
        and value.get("type") == "Point"
        and isinstance(value.get("coordinates"), list)
        and len(value["coordinates"]) in {2, 3}
        and all(is_double(part) for part in value["coordinates"])
    )


def is_geo_shape(value: Any) -> bool:
    return type(value) is str or (
        isinstance(value, dict)
        and type(value.get("type")) is str
        and not {"coordinates", "geometries", "features"}.isdisjoint(value)
    )


def is_object_set(value: Any) -> bool:
    return is_rid(value) or (isinstance(value, dict) and type(value.get("type")) is str)


def is_interface_object(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"objectTypeApiName", "primaryKeyValue"}
        and type(value["objectTypeApiName"]) is str
        and type(value["primaryKeyValue"]) in {str, int, bool}
    )


def is_time_series_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in {
        "seriesId",
        "templateRid",
        "qualifiedSeriesId",
    }


def is_media_reference(value: Any) -> bool:
    if not isinstance(value, dict) or type(value.get("mimeType")) is not str:
        return False
    reference = value.get("reference")
    return isinstance(reference, dict) and reference.get("type") == "mediaSetViewItem"


def is_scenario(value: Any) -> bool:
    return is_rid(value) or (isinstance(value, dict) and is_rid(value.get("scenarioRid")))


SIMPLE: Mapping[str, Check] = {
    "string": is_string,
    "boolean": is_boolean,
    "integer": is_integer,
    "byte": lambda value: is_integer(value) and -(2**7) <= value < 2**7,
    "short": lambda value: is_integer(value) and -(2**15) <= value < 2**15,
    "long": is_long,
    "double": is_double,
    "float": is_double,
    "decimal": is_decimal,
    "date": is_date,
    "timestamp": is_timestamp,
    "marking": is_string,
    "attachment": is_rid,
    "geohash": is_geo_point,
    "geopoint": is_geo_point,
    "geoshape": is_geo_shape,
    "timeSeriesReference": is_time_series_reference,
    "mediaReference": is_media_reference,
    "scenarioReference": is_scenario,
    "objectSet": is_object_set,
    "objectType": is_string,
    "interfaceObject": is_interface_object,
}


def compile_check(data_type: Mapping[str, Any], keys: Mapping[str, Check]) -> Check | None:
    """The check of one data type; `keys` has that of each object type's primary key.

    None: this API does not support the type, which is an answer of its own.
    """
    kind: str = data_type["type"]
    if kind in SIMPLE:
        return SIMPLE[kind]
    if kind == "object":
        key_check: Check = keys.get(data_type.get("objectTypeApiName", ""), _is_any_key)
        return key_check
    if kind in {"array", "set"}:
        item_type: Mapping[str, Any] = data_type.get("subType") or data_type["itemType"]
        return _list_check(item_type, keys)
    if kind == "struct":
        return _struct_check(data_type["fields"], keys)
    if kind == "vector":
        return _vector_check(data_type.get("dimension"))
    return None


def _is_any_key(value: Any) -> bool:
    return type(value) in {str, int, bool}


def _list_check(item_type: Mapping[str, Any], keys: Mapping[str, Check]) -> Check | None:
    item = compile_check(item_type, keys)
    if item is None:
        return None
    return lambda value: type(value) is list and all(map(item, value))


def _vector_check(dimension: int | None) -> Check:
    return lambda value: (
        type(value) is list
        and dimension in {None, len(value)}
        and all(is_double(part) for part in value)
    )


def _struct_check(fields: list[dict[str, Any]], keys: Mapping[str, Check]) -> Check | None:
    checks: dict[str, Check] = {}
    for field in fields:
        check = compile_check(field["fieldType"], keys)
        if check is None:
            return None
        checks[field["name"]] = check
    required = {field["name"] for field in fields if field["required"]}

    def is_struct(value: Any) -> bool:
        if type(value) is not dict or not checks.keys() >= value.keys():
            return False
        if any(value.get(name) is None for name in required):
            return False
        return all(item is None or checks[name](item) for name, item in value.items())

    return is_struct
