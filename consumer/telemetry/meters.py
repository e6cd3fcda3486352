"""All metrics, to be read in one place by whoever exports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from consumer.telemetry.names import GAUGES, CounterName, GaugeName, HistogramName
from consumer.telemetry.sums import Distribution, Labels, Sums

Reading = Callable[[], Mapping[Labels, float]]
"""Each series with its present value: label values, in the order given in `names` -> value. Quick, never raises."""


class Meters:
    """Values that are summed as things happen, and values that are read when somebody asks."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums
        self._readings: dict[CounterName | GaugeName, Reading] = {}

    def read(self, name: CounterName | GaugeName, reading: Reading) -> None:
        """Take this metric from `reading` whenever somebody asks."""
        self._readings[name] = reading

    def counters(self) -> Iterator[tuple[CounterName, Mapping[Labels, float]]]:
        """Each counter with its series."""
        for name, series in self._sums.snapshot().items():
            reading = self._readings.get(name)
            yield name, series if reading is None else reading()

    def gauges(self) -> Iterator[tuple[GaugeName, Mapping[Labels, float]]]:
        """Each gauge with its series; without any if it has no reading."""
        for name in GAUGES:
            reading = self._readings.get(name)
            yield name, {} if reading is None else reading()

    def histograms(self) -> Iterator[tuple[HistogramName, Mapping[Labels, Distribution]]]:
        """Each histogram with its series."""
        yield from self._sums.distributions().items()
