"""One TOML file and the environment -> frozen settings, checked once; the environment wins."""

from __future__ import annotations

from consumer.settings.faults import Fault, InvalidSettings
from consumer.settings.load import load_settings
from consumer.settings.rules import Settings, letters_come_back
from consumer.settings.secret import Secret

__all__ = ["Fault", "InvalidSettings", "Secret", "Settings", "letters_come_back", "load_settings"]
