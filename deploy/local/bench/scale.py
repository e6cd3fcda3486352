"""How long a benchmark takes: minutes by default, and as long as it needs with `--long`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Rounds are of all contenders in turn, so that what disturbs one disturbs them all."""

    rounds: int = 3
    """Of the ratios and of latency."""
    side_rounds: int = 2
    """Of the other sections."""
    events: int = 40_000
    naive_events: int = 500
    sdk_events: int = 640
    one_key_events: int = 1_000
    latency_seconds: float = 3.0
    claim_events: int = 20_000
    backlogs: tuple[int, ...] = (10_000, 100_000)


QUICK = Scale()
LONG = Scale(
    rounds=7,
    side_rounds=5,
    events=100_000,
    naive_events=2_000,
    sdk_events=2_560,
    one_key_events=10_000,
    latency_seconds=20.0,
    claim_events=60_000,
    backlogs=(10_000, 100_000, 1_000_000),
)
