"""How each action type fares: failures in a row, and when it last succeeded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from consumer.errors import GateReason
from consumer.model import Prepared

OUTAGE_AFTER: Final = 3
"""Requests that fail in a row, each with a different first record: fewer may be one record's trouble."""
LONELY_AFTER: Final = 5
"""Requests that fail in a row, even with the same record: if there is only one, there is nothing to compare."""
CHANCE_LASTS: Final = 0.25
"""Seconds within which a few in a row may be chance: if a fifth of hundreds of requests a second fails, three in a row come every second."""
NO_CHANCE: Final = 10
"""Requests that fail in a row are no chance any more, however quickly they follow each other."""

WORLDS: Final[frozenset[GateReason]] = frozenset(
    {
        *("token", "unreachable", "overloaded", "wrong_host", "redirected"),
        *("missing_action", "missing_ontology"),
    }
)
"""Reasons that no record can cause: records are not charged for them, nor sent alone."""


@dataclass(slots=True)
class Row:
    """The failures since Foundry last dealt with a request, of one action type or of all."""

    began: float
    """When the first of them failed; seconds of the event loop's clock, as all times here."""
    failures: int = 0
    records: set[Prepared] = field(default_factory=set)
    """The first records of those requests, no more than are needed to decide."""
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=OUTAGE_AFTER))
    """When the last few of them failed, as many as are needed to decide."""

    def count(self, entry: Prepared, now: float) -> None:
        """Count one more failed request, with this record first."""
        self.failures += 1
        self.latest.append(now)
        if len(self.records) < OUTAGE_AFTER:
            self.records.add(entry)

    @property
    def lonely(self) -> bool:
        """It may be the trouble of one record, or of a few bad ones: other records may probe for themselves."""
        return len(self.records) == 1 or all(map(ill, self.records))

    def outage(self, latest: Prepared, *, everywhere: bool, dear: bool) -> bool:
        """So many that it is neither a single record's trouble nor chance. `dear`: one more would cost too much to rule out chance."""
        apart = self.failures if everywhere else len(self.records)
        if apart < OUTAGE_AFTER:
            return self.failures >= LONELY_AFTER and not ill(latest)
        return dear or self.failures >= NO_CHANCE or self.latest[-1] - self.began >= CHANCE_LASTS


class Health:
    """Tells a bad record from an outage: it is no outage while other records of the type succeed."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._everyones: Row | None = None
        """Failures that would affect every type, since the last request of any type that was dealt with."""
        self._succeeded: dict[str, float] = {}
        self._proved = float("-inf")
        """When the latest request began, of any type, that Foundry dealt with."""

    def succeeded(self, action: str, now: float, *, started: float) -> None:
        """An action of this type took effect, in a request that began at `started`."""
        self._succeeded[action] = now
        self.answered(action, started)

    def answered(self, action: str, started: float) -> None:
        """Foundry dealt with a request of this type, though it did not apply it."""
        self._proved = max(self._proved, started)
        if self._rows:
            self._rows.pop(action, None)
            self._everyones = None

    def own_trouble(self, row: Row) -> bool:
        """Requests of other types that began amid these failures went well: whatever it is, they do not share it."""
        return self._proved > row.latest[0]

    def failed(self, entry: Prepared, now: float, *, everywhere: bool) -> tuple[Row, bool]:
        """A request with this record first failed through no fault of its own; returns the failures in a row.

        And whether they concern every type, which `everywhere` claims: trouble of one type alone may look like that
        too, for example where a gateway does not know its path.
        """
        row = self._rows.setdefault(entry.call.action.name, Row(now))
        row.count(entry, now)
        if not everywhere:
            return row, False
        everyones = self._everyones = self._everyones or Row(now)
        everyones.count(entry, now)
        if self.own_trouble(row):
            return row, False
        # With few requests in flight, a single type would take long to fail so often.
        return everyones, True

    def well_since(self, action: str, when: float) -> bool:
        """An action of this type took effect at or after `when`."""
        succeeded = self._succeeded.get(action)
        return succeeded is not None and succeeded >= when

    def shared(self, entries: Sequence[Prepared]) -> bool:
        """These failed as a batch while others of their type succeeded: one of them may be bad."""
        first = entries[0]
        return len(entries) > 1 and self.well_since(first.call.action.name, first.sent_at)

    def charge(
        self, entry: Prepared, now: float, *, always: bool = False, kind: str | None = None
    ) -> int:
        """Charge a failure to the record; returns how many have been charged, 0 if this one is not.

        While nothing of its kind succeeds it is an outage and not charged, unless `always`. The kind is its
        action type if none is given.
        """
        entry.attempts += 1
        others_fare_well = self.well_since(kind or entry.call.action.name, entry.failed_at)
        entry.failed_at = now
        if not (always or entry.attempts == 1 or others_fare_well):
            return 0
        entry.charged += 1
        return entry.charged


def ill(entry: Prepared) -> bool:
    """It failed again while others of its type succeeded: its failures say nothing about an outage."""
    return entry.alone and entry.charged > 1
