"""One TOML file and the environment -> frozen settings, checked once; the environment wins."""

from __future__ import annotations

from consumer.settings.faults import Fault, InvalidSettings
from consumer.settings.load import DEFAULT_FILE, load_settings
from consumer.settings.rules import Settings
from consumer.settings.secret import Secret
from consumer.settings.sections import (
    AdminSettings,
    ConsumerSettings,
    DeadLetterSettings,
    DispatchSettings,
    FoundrySettings,
    KafkaSettings,
    LogSettings,
    RetrySettings,
    StopSettings,
)

__all__ = [
    "DEFAULT_FILE",
    "AdminSettings",
    "ConsumerSettings",
    "DeadLetterSettings",
    "DispatchSettings",
    "Fault",
    "FoundrySettings",
    "InvalidSettings",
    "KafkaSettings",
    "LogSettings",
    "RetrySettings",
    "Secret",
    "Settings",
    "StopSettings",
    "load_settings",
]
