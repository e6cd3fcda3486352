"""Every metric in one place to read from, whoever exports it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from consumer.telemetry.names import GAUGES, CounterName, GaugeName, HistogramName
from consumer.telemetry.sums import Distribution, Labels, Sums

Reading = Callable[[], Mapping[Labels, float]]
"""Each series with its value now: label values in the order of the table -> value. Quick, never raises."""


class Meters:
    """What is added up as it happens, and what is looked at when somebody asks."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums
        self._readings: dict[CounterName | GaugeName, Reading] = {}

    def read(self, name: CounterName | GaugeName, reading: Reading) -> None:
        """That metric is not added up here: ask `reading`."""
        self._readings[name] = reading

    def counters(self) -> Iterator[tuple[CounterName, Mapping[Labels, float]]]:
        """Each counter with its series."""
        for name, series in self._sums.snapshot().items():
            reading = self._readings.get(name)
            yield name, series if reading is None else reading()

    def gauges(self) -> Iterator[tuple[GaugeName, Mapping[Labels, float]]]:
        """Each gauge with its series; none where nobody gave a reading."""
        for name in GAUGES:
            reading = self._readings.get(name)
            yield name, {} if reading is None else reading()

    def histograms(self) -> Iterator[tuple[HistogramName, Mapping[Labels, Distribution]]]:
        """Each histogram with its series."""
        yield from self._sums.distributions().items()
