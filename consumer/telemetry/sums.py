"""Plain sums: what costs a tenth of a microsecond may be counted for each record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import get_args

from consumer.errors import Reason
from consumer.model import CommitResult
from consumer.telemetry.names import METRICS, MetricName, RecordOutcome

Labels = tuple[str, ...]


class Sums:
    """The service's own counters. Series whose labels are known are there at 0 from the start."""

    def __init__(self, *, topics: Iterable[str] = (), actions: Iterable[str] = ()) -> None:
        self._series: dict[MetricName, Counter[Labels]] = {name: Counter() for name in METRICS}
        for topic in topics:
            self._start("records_total", ((topic, outcome) for outcome in get_args(RecordOutcome)))
            self._start("dead_letters_total", ((topic, reason) for reason in get_args(Reason)))
        for action in actions:
            self._start("unknown_outcomes_total", [(action,)])
            self._start("repeats_avoided_total", [(action,)])
        self._start("commits_total", ((result.value,) for result in CommitResult))
        self._start("rebalances_total", [()])

    def add(self, name: MetricName, labels: Labels = (), count: int = 1) -> None:
        self._series[name][labels] += count

    def set(self, name: MetricName, labels: Labels, value: int) -> None:
        self._series[name][labels] = value

    def value(self, name: MetricName, *labels: str) -> int:
        """0 for a series that never was."""
        return self._series[name][labels]

    def snapshot(self) -> Mapping[MetricName, Mapping[Labels, int]]:
        """A copy: metric -> label values, in the order of `METRICS` -> sum."""
        return {name: dict(series) for name, series in self._series.items()}

    def _start(self, name: MetricName, series: Iterable[Labels]) -> None:
        for labels in series:
            self._series[name].setdefault(labels, 0)
