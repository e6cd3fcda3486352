"""How each action type fares: failures in a row, and when it last succeeded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from consumer.errors import GateReason
from consumer.model import Prepared

OUTAGE_AFTER: Final = 3
"""Requests that fail in a row, each for another record: fewer may be one record's trouble."""
LONELY_AFTER: Final = 5
"""Requests that fail in a row, whosever they are: with one record alone there is nothing to compare."""
CHANCE_LASTS: Final = 0.25
"""Seconds within which so few in a row may be chance: where a fifth fails, of hundreds a second, it happens each second."""
NO_CHANCE: Final = 10
"""Requests that fail in a row, however soon after one another."""

WORLDS: Final[frozenset[GateReason]] = frozenset(
    {
        *("token", "unreachable", "overloaded", "wrong_host", "redirected"),
        *("missing_action", "missing_ontology"),
    }
)
"""Reasons that no record can be the cause of: it is not charged for them, nor sent apart."""


@dataclass(slots=True)
class Row:
    """Failures since the last request that was dealt with: of one action type, or of all."""

    began: float
    """When the first of them failed."""
    failures: int = 0
    records: set[Prepared] = field(default_factory=set)
    """The first records of those requests; no more than are needed to tell."""
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=OUTAGE_AFTER))
    """When the last of them failed; as many as are needed to tell."""

    def count(self, entry: Prepared, now: float) -> None:
        """One more, of a request with this record first."""
        self.failures += 1
        self.latest.append(now)
        if len(self.records) < OUTAGE_AFTER:
            self.records.add(entry)

    @property
    def lonely(self) -> bool:
        """It may be one record's trouble, or that of some which are ill: others may look for themselves."""
        return len(self.records) == 1 or all(map(ill, self.records))

    def outage(self, latest: Prepared, *, everywhere: bool, dear: bool) -> bool:
        """So many that it is no single record's trouble, nor chance. `dear`: one more costs too much to be sure of that."""
        apart = self.failures if everywhere else len(self.records)
        if apart < OUTAGE_AFTER:
            return self.failures >= LONELY_AFTER and not ill(latest)
        return dear or self.failures >= NO_CHANCE or self.latest[-1] - self.began >= CHANCE_LASTS


class Health:
    """Tells an ill record from an ill world: the world is well while others of the type succeed."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}
        self._everyones: Row | None = None
        """Failures that would befall every type, since any of them was well."""
        self._succeeded: dict[str, float] = {}
        self._proved = float("-inf")
        """When the latest request of any type began that was dealt with."""

    def succeeded(self, action: str, now: float, *, started: float) -> None:
        """An action of this type took effect, by a request that began then."""
        self._succeeded[action] = now
        self.answered(action, started)

    def answered(self, action: str, started: float) -> None:
        """Foundry dealt with a request of this type, though it did not apply it."""
        self._proved = max(self._proved, started)
        if self._rows:
            self._rows.pop(action, None)
            self._everyones = None

    def own_trouble(self, row: Row) -> bool:
        """Requests of other types began amid these failures and fared well: whatever it is, they do not share it."""
        return self._proved > row.latest[0]

    def failed(self, entry: Prepared, now: float, *, everywhere: bool) -> tuple[Row, bool]:
        """A request with this record first failed by the world's fault: what did so in a row.

        And whether that goes for every type, as `everywhere` has it. What one type meets alone may look like
        the end of the world: a path that a gateway does not know, say.
        """
        row = self._rows.setdefault(entry.call.action.name, Row(now))
        row.count(entry, now)
        if not everywhere:
            return row, False
        everyones = self._everyones = self._everyones or Row(now)
        everyones.count(entry, now)
        if self.own_trouble(row):
            return row, False
        # Where few requests are let out at one time, each type alone would take long to fail so often.
        return everyones, True

    def well_since(self, action: str, when: float) -> bool:
        """Something of this type took effect since then."""
        succeeded = self._succeeded.get(action)
        return succeeded is not None and succeeded >= when

    def shared(self, entries: Sequence[Prepared]) -> bool:
        """These failed in company while others fared well: one of them may be ill."""
        first = entries[0]
        return len(entries) > 1 and self.well_since(first.call.action.name, first.sent_at)

    def charge(
        self, entry: Prepared, now: float, *, always: bool = False, kind: str | None = None
    ) -> int:
        """Count a failure against the record, and return how many are.

        While nothing of its kind succeeds it is an outage, and not counted, unless `always`. The kind is its
        action type where none is named.
        """
        entry.attempts += 1
        others_fare_well = self.well_since(kind or entry.call.action.name, entry.failed_at)
        if always or entry.attempts == 1 or others_fare_well:
            entry.charged += 1
        entry.failed_at = now
        return entry.charged


def ill(entry: Prepared) -> bool:
    """It failed again while others of its type fared well: what befalls it says nothing of the world."""
    return entry.alone and entry.charged > 1
