"""One TOML file and the environment -> frozen settings, checked once. The environment wins."""

from __future__ import annotations

from consumer.settings.faults import Fault, InvalidSettings
from consumer.settings.load import DEFAULT_FILE, load_settings
from consumer.settings.rules import CLOSE_TO_OTHERS, letters_come_back, open_to_all
from consumer.settings.secret import Secret
from consumer.settings.sections import Settings

__all__ = [
    "CLOSE_TO_OTHERS",
    "DEFAULT_FILE",
    "Fault",
    "InvalidSettings",
    "Secret",
    "Settings",
    "letters_come_back",
    "load_settings",
    "open_to_all",
]
