"""What the pipeline makes of simulated records: it stands in for the real one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consumer.errors import Rejected
from consumer.model import ActionType, Call, Ignored, Lookup, Prepared, Record, Repeat, Unreadable
from tests.fakes.log import Coordinate, Fate, Spec
from tests.fakes.source import FakeSource
from tests.fakes.truth import Truth, name
from tests.fakes.watch import coordinate_of


class FakePipeline:
    """One process's; it knows what each record is from the world that produced it."""

    def __init__(self, truth: Truth, source: FakeSource) -> None:
        self._truth, self._source = truth, source

    def prepare(self, record: Record | Unreadable) -> Prepared | Ignored | Rejected:
        coordinate = coordinate_of(record)
        spec = self._truth.log.specs[coordinate]
        if isinstance(record, Unreadable):
            return Rejected("unreadable", record.detail, stage="poll")
        if spec.fate is Fate.BUG:
            raise ZeroDivisionError("a bug of the pipeline")
        if spec.fate is Fate.INVALID:
            return Rejected("invalid", "the model refuses it", stage="validate")
        if spec.fate is Fate.IGNORED:
            self._truth.settle(coordinate, "ignored")
            if self._source.membership is not None:
                self._source.membership.settled(coordinate)
            return Ignored("by rule")
        return prepared(record, coordinate, spec)


def prepared(record: Record, coordinate: Coordinate, spec: Spec) -> Prepared:
    """A record that is to be sent."""
    named = name(coordinate)
    action = ActionType(spec.action, spec.batch)
    ask = spec.repeat is Repeat.ASK
    return Prepared(
        record=record,
        event_id=named,
        event_type=f"{spec.action}.{spec.repeat.value}",
        lane=spec.lane,
        repeat=spec.repeat,
        calls=tuple(
            Call(action, f'{{"id":"{named}","step":{step}}}'.encode()) for step in range(spec.steps)
        ),
        size=spec.size,
        lookup=Lookup(spec.action, applied=_exists, key=named) if ask else None,
    )


def _exists(properties: Mapping[str, Any] | None) -> bool:
    return properties is not None
