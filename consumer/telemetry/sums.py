"""Plain sums, at a tenth of a microsecond each: cheap enough to be kept per record."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from consumer.errors import Reason
from consumer.store import CommitResult
from consumer.telemetry.names import (
    COUNTERS,
    HISTOGRAMS,
    CounterName,
    HistogramName,
    RecordOutcome,
)

Labels = tuple[str, ...]


class Distribution:
    """One series of a histogram."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        # All floats: comparing an int with a float takes twice as long.
        self._bounds = tuple(map(float, bounds))
        self.counts = [0] * (len(bounds) + 1)
        """One for each bucket, not cumulative; the last one is above all bounds."""
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self._bounds, value)] += times
        self.total += value * times


class Sums:
    """The service's own counters and histograms. Series whose labels are known exist from the start, at 0."""

    def __init__(
        self,
        *,
        topics: Iterable[str] = (),
        actions: Iterable[str] = (),
        event_types: Iterable[str] = (),
    ) -> None:
        self._series: dict[CounterName, Counter[Labels]] = {name: Counter() for name in COUNTERS}
        self._distributions: dict[HistogramName, dict[Labels, Distribution]] = {
            name: {} for name in HISTOGRAMS
        }
        for topic in topics:
            self._start("records_total", ((topic, outcome) for outcome in get_args(RecordOutcome)))
            self._start("dead_letters_total", ((topic, reason) for reason in get_args(Reason)))
            self.distribution("settle_duration_seconds", (topic,))
        for action in actions:
            self._start("unknown_outcomes_total", [(action,)])
            self._start("repeats_avoided_total", [(action,)])
        self._start("unknown_fields_total", ((event_type,) for event_type in event_types))
        self._start("commits_total", ((result.value,) for result in CommitResult))
        self._start("rebalances_total", [()])

    def add(self, name: CounterName, labels: Labels = (), count: int = 1) -> None:
        self._series[name][labels] += count

    def value(self, name: CounterName, *labels: str) -> int:
        """The sum of a series; 0 if there is none."""
        return self._series[name][labels]

    def distribution(self, name: HistogramName, labels: Labels = ()) -> Distribution:
        """The series with these labels, created if need be."""
        series = self._distributions[name]
        found = series.get(labels)
        if found is None:
            found = series[labels] = Distribution(HISTOGRAMS[name].bounds)
        return found

    def snapshot(self) -> Mapping[CounterName, Mapping[Labels, int]]:
        """A copy: counter -> label values, in the order given in `COUNTERS` -> sum."""
        return {name: dict(series) for name, series in self._series.items()}

    def distributions(self) -> Mapping[HistogramName, Mapping[Labels, Distribution]]:
        """The live series, not a copy: read them before anything else runs."""
        return self._distributions

    def _start(self, name: CounterName, series: Iterable[Labels]) -> None:
        for labels in series:
            self._series[name].setdefault(labels, 0)
