"""The metrics as Prometheus reads them, in its text format or in OpenMetrics."""

from __future__ import annotations

import math
import re
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
"""Seconds for which a page is cached: asking more often costs nothing."""
_OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0"
_WANTS_OPENMETRICS: Final = re.compile(
    r"(?:^|,)\s*application/openmetrics-text\s*(?!;[^,]*version=0)(?:[;,]|$)"
)


class _Families(Collector):
    """The meters as prometheus_client wants them; it does the escaping and the rest of the format."""

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
    encode, content_type = choose_encoder(_known(accept))
    return encode(_Families(meters)), content_type


def _known(accept: str) -> str:
    """An `Accept` header for one of our two formats. The library would treat each requested version apart, or raise."""
    return _OPENMETRICS if _WANTS_OPENMETRICS.search(accept) else ""


class Exposition:
    """As `exposition`, cached for a second in each format: a page takes some twenty milliseconds."""

    def __init__(self, meters: Meters, now: Callable[[], float]) -> None:
        self._meters = meters
        self._now = now
        self._pages: dict[str, tuple[float, bytes, str]] = {}

    def __call__(self, accept: str) -> tuple[bytes, str]:
        wanted, now = _known(accept), self._now()
        written, page, content_type = self._pages.get(wanted, (-math.inf, b"", ""))
        if now - written >= FRESH:
            page, content_type = exposition(self._meters, wanted)
            self._pages[wanted] = (now, page, content_type)
        return page, content_type
