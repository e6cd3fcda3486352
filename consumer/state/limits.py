"""The numbers that bound the core. Seconds, unless a name says otherwise; no defaults, operators decide."""

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
    commit_interval: float
    request_timeout: float
    settle_time: float
    """How long after a request was given up Foundry may still execute it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How a request that failed is tried again."""

    initial: float
    maximum: float
    attempts: int
