"""Fields whose values cannot be keys, recognised by their types before an event shows it."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from consumer.contracts._nested import types_in

_UNHASHABLE = (list, dict, set)
_NO_PRIMARY_KEY = (
    *_UNHASHABLE, BaseModel, Decimal, UUID, bytes, date, float, frozenset, time, timedelta, tuple,
)  # fmt: skip


def has_hash(annotation: Any, above: frozenset[type[Any]] = frozenset()) -> bool:
    """False if its values, or what they contain, are unhashable and so cannot be keys."""
    for kind in types_in(annotation):
        if issubclass(kind, _UNHASHABLE):
            return False
        if issubclass(kind, BaseModel) and kind not in above:
            fields = kind.model_fields.values()
            if not all(has_hash(info.annotation, above | {kind}) for info in fields):
                return False
    return True


def may_be_primary_key(annotation: Any) -> bool:
    """False if none of its values can be text or a whole number."""
    kinds = tuple(types_in(annotation))
    if any(issubclass(kind, str | int) for kind in kinds):
        return True
    return not any(issubclass(kind, _NO_PRIMARY_KEY) for kind in kinds)
