"""The metrics as Prometheus reads them, in its text format or OpenMetrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric as Family,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from consumer.telemetry.meters import Meters
from consumer.telemetry.names import (
    COUNTERS,
    GAUGES,
    HISTOGRAMS,
    Histogram,
    HistogramName,
    full_name,
)
from consumer.telemetry.sums import Distribution, Labels

FRESH: Final = 1.0
"""Seconds in which a page is not written anew: whoever asks more often costs nothing."""


class _Families(Collector):
    """The meters as the library wants them: it does the escaping and the rest of the format."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def collect(self) -> Iterator[Family]:
        for counter, sums in self._meters.counters():
            about = COUNTERS[counter]
            added = CounterMetricFamily(full_name(counter), about.meaning, labels=about.labels)
            for labels, value in sums.items():
                added.add_metric(labels, value)
            yield added
        for gauge, values in self._meters.gauges():
            about = GAUGES[gauge]
            seen = GaugeMetricFamily(full_name(gauge), about.meaning, labels=about.labels)
            for labels, value in values.items():
                seen.add_metric(labels, value)
            yield seen
        for name, series in self._meters.histograms():
            yield _histogram(name, HISTOGRAMS[name], series)


def _histogram(
    name: HistogramName, about: Histogram, series: Mapping[Labels, Distribution]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(full_name(name), about.meaning, labels=about.labels)
    bounds = [*map(floatToGoString, about.bounds), "+Inf"]
    for labels, distribution in series.items():
        buckets = zip(bounds, accumulate(distribution.counts), strict=True)
        family.add_metric(labels, list(buckets), distribution.total)
    return family


def exposition(meters: Meters, accept: str) -> tuple[bytes, str]:
    """The page and its content type, as the `Accept` header wants it."""
    encode, content_type = choose_encoder(accept)
    return encode(_Families(meters)), content_type


class Exposition:
    """The same, written at most once a second in each format: a page takes some twenty milliseconds."""

    def __init__(self, meters: Meters, now: Callable[[], float]) -> None:
        self._meters = meters
        self._now = now
        self._pages: dict[str, tuple[float, bytes]] = {}

    def __call__(self, accept: str) -> tuple[bytes, str]:
        _, content_type = choose_encoder(accept)
        now = self._now()
        written, page = self._pages.get(content_type, (-math.inf, b""))
        if now - written >= FRESH:
            page, _ = exposition(self._meters, accept)
            self._pages[content_type] = (now, page)
        return page, content_type
