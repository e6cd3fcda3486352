"""The log of this process, from the settings: before anything is opened that could say something."""

from __future__ import annotations

import sys
from typing import Literal

from consumer.app.configs import known_secrets
from consumer.settings import Settings
from consumer.telemetry import configure_logging, tell_through_the_log


def start_logging(
    settings: Settings, *, level: Literal["debug", "info", "warning", "error"] | None = None
) -> None:
    """Everything goes to stderr, without the secrets that were read. `level`: instead of the settings'."""
    configure_logging(
        level=settings.log.level if level is None else level,
        format=settings.log.format,
        secrets=lambda: known_secrets(settings),
        stream=sys.stderr,
    )
    tell_through_the_log()
