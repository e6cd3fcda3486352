"""Every span, metric and log field; the wrappers that `app.py` puts around the ports."""

from __future__ import annotations

from consumer.telemetry.log import configure_logging, say
from consumer.telemetry.names import METRICS, PREFIX, SPANS
from consumer.telemetry.sums import Sums
from consumer.telemetry.trace import TraceContext, context_of, new_trace
from consumer.telemetry.traced import Failing, TracedActions, TracedLetters, tracer_from
from consumer.telemetry.watch import Telemetry

__all__ = [
    "METRICS",
    "PREFIX",
    "SPANS",
    "Failing",
    "Sums",
    "Telemetry",
    "TraceContext",
    "TracedActions",
    "TracedLetters",
    "configure_logging",
    "context_of",
    "new_trace",
    "say",
    "tracer_from",
]
