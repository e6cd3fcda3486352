"""Sets up the log of this process from the settings, before anything that could log is opened."""

from __future__ import annotations

import sys
from typing import Literal

from consumer.app.configs import known_secrets
from consumer.settings import Settings
from consumer.telemetry import configure_logging, tell_through_the_log


def start_logging(
    settings: Settings, *, level: Literal["debug", "info", "warning", "error"] | None = None
) -> None:
    """Send everything to stderr, without any secrets that were read. `level` overrides the settings'."""
    configure_logging(
        level=settings.log.level if level is None else level,
        format=settings.log.format,
        secrets=lambda: known_secrets(settings),
        stream=sys.stderr,
    )
    tell_through_the_log()
