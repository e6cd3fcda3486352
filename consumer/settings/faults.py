"""What is wrong with a setting, and how to fix it; never with a secret in the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from consumer.errors import SettingsError

SHOWN = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One setting that is wrong or missing."""

    key: str
    """`section.key`, or the file."""
    problem: str
    remedy: str
    value: str | None = None
    """The value as given, shortened; None for secrets and for missing ones."""
    origin: str | None = None
    """The file or the variable that it came from."""

    def __str__(self) -> str:
        value = "" if self.value is None else f" = {self.value}"
        origin = "" if self.origin is None else f" ({self.origin})"
        return f"{self.key}{value}{origin}: {self.problem}; {self.remedy}"


class InvalidSettings(SettingsError):
    """All faults together."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def shown(value: object) -> str:
    """A value as a message may show it: escaped, short, and without the password of a URL."""
    if isinstance(value, str):
        value = without_password(value)
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}..."


def without_password(text: str) -> str:
    """`http://user:secret@host` as `http://***@host`."""
    if "@" not in text:
        return text
    try:
        userinfo = urlsplit(text if "//" in text else f"//{text}").netloc.rpartition("@")[0]
    except ValueError:
        return "***"
    return text.replace(f"{userinfo}@", "***@") if userinfo else text
