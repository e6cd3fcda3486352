"""Every span, metric and log field; the wrappers that `app` puts around the ports."""

from __future__ import annotations

from consumer.telemetry.log import configure_logging, say
from consumer.telemetry.sums import Sums
from consumer.telemetry.traced import Failing, TracedActions, TracedLetters, tracer_from
from consumer.telemetry.watch import Telemetry

__all__ = [
    "Failing",
    "Sums",
    "Telemetry",
    "TracedActions",
    "TracedLetters",
    "configure_logging",
    "say",
    "tracer_from",
]
