"""`doctor`, configured from the settings in the same way as `run`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from consumer.app.configs import foundry_config, kafka_config, kafka_tokens
from consumer.app.logs import start_logging
from consumer.doctor import Finding, diagnose as look
from consumer.settings import Settings
from consumer.telemetry import tell_of_loop


def diagnose(settings: Settings, tell: Callable[[Finding], None]) -> Sequence[Finding]:
    """Look at everything; `tell` is called with each finding as soon as there is one.

    Raises:
        SettingsError: a file named in a setting cannot be used.
    """
    # The findings are what was asked for. Beside them only warnings and errors of libraries are logged.
    start_logging(settings, level="debug" if settings.log.level == "debug" else "warning")
    return asyncio.run(_diagnose(settings, tell))


async def _diagnose(settings: Settings, tell: Callable[[Finding], None]) -> Sequence[Finding]:
    tell_of_loop()
    tokens = kafka_tokens(settings)
    return await look(
        settings,
        kafka_config(settings),
        foundry_config(settings),
        tell,
        fetch_token=None if tokens is None else tokens.fetch,
    )
