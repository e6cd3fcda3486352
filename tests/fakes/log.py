"""A topic in memory: records with gaps between them, and what each of them asks for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from consumer.model import Partition, PlainRecord, Repeat, Unreadable
from consumer.outcomes import Outcome

Coordinate = tuple[Partition, int]
"""Where a record stands: its partition and its offset."""


class Fate(Enum):
    """What the world does with a record, whatever the service does."""

    GOOD = "good"
    POISON = "poison"
    """Foundry refuses it, always."""
    IGNORED = "ignored"
    INVALID = "invalid"
    """The pipeline rejects it."""
    BUG = "bug"
    """The pipeline raises."""
    UNREADABLE = "unreadable"
    """The client library cannot give it."""

    @property
    def sendable(self) -> bool:
        """Whether the pipeline makes actions of it."""
        return self in (Fate.GOOD, Fate.POISON)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a simulated record asks for."""

    lane: str | None = None
    action: str = "set"
    repeat: Repeat = Repeat.SAFE
    batch: int = 20
    steps: int = 1
    """Actions, sent one after another."""
    size: int = 100
    """Bytes."""
    fate: Fate = Fate.GOOD
    conflicts: int = 0
    """So many times Foundry says that the object has changed, before it takes the action."""
    ill: Outcome | None = None
    """What each request with it gets, validations too, and nothing of it is executed..."""
    ill_after: float = 0.02
    """...so many seconds later."""


class FakeLog:
    """Everything that was produced, and where each partition begins and ends."""

    def __init__(self) -> None:
        self._records: dict[Partition, list[PlainRecord]] = {}
        self._offsets: dict[Partition, list[int]] = {}
        self._ends: dict[Partition, int] = {}
        self._starts: dict[Partition, int] = {}
        self._lanes: dict[Coordinate, list[int]] = {}
        self._by_lane: dict[tuple[Partition, str], list[int]] = {}
        self.specs: dict[Coordinate, Spec] = {}
        self.listeners: list[Callable[[], None]] = []
        self.topic_id: str | None = "AAAAAAAAAAAAAAAAAAAAAA"

    def create(self, partition: Partition, *, start: int = 0) -> None:
        """An empty partition."""
        self._records[partition] = []
        self._offsets[partition] = []
        self._ends[partition] = self._starts[partition] = start

    @property
    def partitions(self) -> list[Partition]:
        return sorted(self._records)

    def produce(self, partition: Partition, spec: Spec, *, timestamp: int = -1) -> Coordinate:
        """Append one record."""
        offset = self._ends[partition]
        self._ends[partition] = offset + 1
        coordinate = partition, offset
        key = None if spec.lane is None else spec.lane.encode()
        value = f"{partition.topic}/{partition.partition}/{offset}".encode()
        record = PlainRecord(*partition, offset, timestamp=timestamp, key=key, value=value)
        self._records[partition].append(record)
        self._offsets[partition].append(offset)
        self.specs[coordinate] = spec
        if spec.lane is not None and spec.fate.sendable:
            lane = self._by_lane.setdefault((partition, spec.lane), [])
            self._lanes[coordinate] = lane[:]
            lane.append(offset)
        for listener in self.listeners:
            listener()
        return coordinate

    def cure(self) -> None:
        """No record is ill any more."""
        ill = {at: spec for at, spec in self.specs.items() if spec.ill}
        self.specs.update({at: replace(spec, ill=None) for at, spec in ill.items()})

    def leave_gap(self, partition: Partition, width: int) -> None:
        """Offsets that never were records: transaction markers, compaction."""
        self._ends[partition] += width

    def trim(self, partition: Partition, start: int) -> None:
        """Retention takes everything before `start`."""
        self._starts[partition] = max(start, self._starts[partition])

    def start(self, partition: Partition) -> int:
        return self._starts[partition]

    def end(self, partition: Partition) -> int:
        """The next offset to be written."""
        return self._ends[partition]

    def offsets(self, partition: Partition) -> Sequence[int]:
        """Of all records ever produced, in order."""
        return self._offsets[partition]

    def exists(self, coordinate: Coordinate) -> bool:
        return coordinate in self.specs

    def earlier_in_lane(self, coordinate: Coordinate) -> Sequence[int]:
        """Offsets of the records that must be done before this one."""
        return self._lanes.get(coordinate, ())

    def read(
        self, partition: Partition, position: int, maximum: int
    ) -> tuple[list[PlainRecord | Unreadable], int]:
        """Up to `maximum` records from `position` on, and the position after them: it passes gaps."""
        first = bisect_left(self._offsets[partition], max(position, self._starts[partition]))
        found = self._records[partition][first : first + maximum]
        at_end = first + len(found) == len(self._offsets[partition])
        after = self._ends[partition] if at_end else self._offsets[partition][first + len(found)]
        return [self._given(record) for record in found], after

    def _given(self, record: PlainRecord) -> PlainRecord | Unreadable:
        partition = Partition(record.topic, record.partition)
        if self.specs[partition, record.offset].fate is not Fate.UNREADABLE:
            return record
        return Unreadable(record.topic, record.partition, record.offset, "header key is not UTF-8")
