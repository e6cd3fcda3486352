"""What the Foundry edge is told at the start: where Foundry is, who we are, and how much to send at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from yarl import URL

from consumer.errors import SettingsError
from consumer.settings import Secret
from consumer.settings.fields import base_url, proxy_url

DEFAULT_SCOPES = ("api:ontologies-read", "api:ontologies-write")
MAX_IN_FLIGHT = 800
"""Foundry's limit on concurrent requests of a service user."""


@dataclass(frozen=True, slots=True)
class FoundryConfig:
    """Settings of the Foundry edge; durations in seconds.

    Raises:
        SettingsError: a value cannot be used; the message names it, never a secret.
    """

    hostname: str
    """A host name or a URL; kept as the stack's base URL, without a slash at the end."""
    ontology: str
    client_id: str
    client_secret: Secret
    client_auth: Literal["post", "basic"] = "post"
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    max_in_flight: int = 64
    request_timeout: float = 15.0
    ca_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    """May contain a user and a password, so it is not shown."""

    def __post_init__(self) -> None:
        # The settings have checked these already; other callers have not.
        object.__setattr__(self, "hostname", _checked("foundry.hostname", base_url, self.hostname))
        for name in ("ontology", "client_id"):
            if not getattr(self, name).strip():
                raise SettingsError(f"foundry.{name} is empty")
        _checked(f"foundry.ontology is {self.ontology!r}:", path_segment, self.ontology)
        if not 1 <= self.max_in_flight <= MAX_IN_FLIGHT:
            raise SettingsError(
                f"foundry.max_in_flight is {self.max_in_flight}, not within 1 and {MAX_IN_FLIGHT}"
            )
        if not 0 < self.request_timeout < float("inf"):
            raise SettingsError(f"foundry.request_timeout is {self.request_timeout}, not above 0")
        if self.proxy is not None:
            _checked("foundry.proxy", proxy_url, self.proxy)


def path_segment(value: str) -> str:
    """`value` quoted so that, whatever it contains, it stays a single path segment.

    Raises:
        ValueError: it is empty or a dot segment (RFC 3986, 5.2.4), which quoting cannot keep in place.
    """
    if value in {"", ".", ".."}:
        raise ValueError("an empty or dot segment cannot stand in a path")
    return quote(value, safe="")


def endpoint(base: str, *segments: str) -> URL:
    """The URL of an endpoint. `path_segment` quotes each segment, and nothing unquotes it again."""
    return URL("/".join((base, *map(path_segment, segments))), encoded=True)


def _checked(setting: str, check: Callable[[str], str], value: str) -> str:
    """The value as `check` gives it.

    Raises:
        SettingsError: `check` raises a ValueError, whose message does not show a secret.
    """
    try:
        return check(value)
    except ValueError as fault:
        raise SettingsError(f"{setting} {fault}") from None


Clock = Callable[[], float]
"""Seconds, monotonic."""
