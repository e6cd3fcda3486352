"""The numbers that bound the core. Times are in seconds. No defaults: operators decide."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one process may hold and send, and how long things may take."""

    max_records: int
    """Records in memory that are not settled."""
    max_bytes: int
    """Bytes of those records."""
    max_span: int
    """Offsets of one partition between the first unsettled record and the last one received."""
    max_in_flight: int
    """Requests to Foundry at one time."""
    batch_size: int
    """Actions in one request."""
    commit_interval: float
    request_timeout: float
    """From the wait for a token and a connection to the end of the answer."""
    settle_time: float
    """How long after a request was given up Foundry may still execute it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How a failed request is tried again."""

    initial: float
    """Ceiling of the first wait, doubled with each failure; the wait itself is random below it."""
    maximum: float
    """Ceiling of any wait."""
    attempts: int
    """Failures counted against a record after which it becomes a letter."""
