"""Every span, metric and log field, and the wrappers that `app` puts around the ports."""

from __future__ import annotations

from consumer.telemetry.exposition import Exposition, exposition
from consumer.telemetry.log import configure_logging, say
from consumer.telemetry.metered import MeteredActions, RequestDurations
from consumer.telemetry.meters import Meters
from consumer.telemetry.progress import Progress
from consumer.telemetry.readings import Sources, look_at
from consumer.telemetry.sums import Sums
from consumer.telemetry.traced import Failing, TracedActions, TracedLetters, tracer_from
from consumer.telemetry.unasked import tell_of_loop, tell_through_the_log
from consumer.telemetry.watch import Telemetry

__all__ = [
    "Exposition",
    "Failing",
    "MeteredActions",
    "Meters",
    "Progress",
    "RequestDurations",
    "Sources",
    "Sums",
    "Telemetry",
    "TracedActions",
    "TracedLetters",
    "configure_logging",
    "exposition",
    "look_at",
    "say",
    "tell_of_loop",
    "tell_through_the_log",
    "tracer_from",
]
