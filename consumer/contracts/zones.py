"""Which fields of an event accept a time without a zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import NaiveDatetime

from consumer.contracts._nested import types_in
from consumer.contracts.events import Event

_ANY_ZONE = (datetime, NaiveDatetime)


def times_without_zone(model: type[Event]) -> Iterator[str]:
    """The names of such fields, in order; those of nested events as `outer.inner`."""
    return _of(model, frozenset())


def _of(model: type[Event], above: frozenset[type[Event]]) -> Iterator[str]:
    if model in above:
        return  # a model may contain itself
    for name, info in model.model_fields.items():
        parts = frozenset(types_in(info.annotation))
        if parts.intersection(_ANY_ZONE):
            yield name
        for part in parts:
            if issubclass(part, Event):
                yield from (f"{name}.{inner}" for inner in _of(part, above | {model}))
