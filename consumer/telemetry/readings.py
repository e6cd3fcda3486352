"""Metrics that are read only when somebody asks for them, and so cost a record nothing."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Protocol, get_args

from consumer.errors import GateReason
from consumer.model import Partition
from consumer.state.gate import Gate
from consumer.state.workload import Workload
from consumer.telemetry.meters import Meters
from consumer.telemetry.progress import Progress
from consumer.telemetry.sums import Labels

_OF_A_TOPIC: Final = "letters_failing"
"""The one gate reason whose scope is a topic: that from which the letters come."""
EVERYTHING = "all"
"""The scope of a gate that is closed for all action types."""


class TokenState(Protocol):
    """What may be shown of Foundry's token."""

    @property
    def fetched(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def expires_at(self) -> float | None:
        """By the clock `Sources.now`; None: there is no token."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the present values come from."""

    workload: Workload
    gate: Gate
    progress: Progress
    token: TokenState
    in_flight: Callable[[], int]
    concurrency_limit: Callable[[], int]
    letter_budget: Callable[[], int]
    actions: Iterable[str]
    """The action types that the contracts name."""
    topics: Iterable[str]
    """The topics that the contracts name, by their names on the broker."""
    now: Callable[[], float]
    wall: Callable[[], float]

    def assigned(self, assignment: Collection[Partition] | None) -> bool:
        """True: the group has given this member its partitions, and it has not begun to hand them over.

        They may be none: if there are more members than partitions, some only stand by.
        """
        if assignment is None:
            return False
        return not assignment or bool(self.workload.tenures)

    def token_expires_at(self) -> float | None:
        """Unix time, or None without a token."""
        expires_at = self.token.expires_at
        return None if expires_at is None else self.wall() + expires_at - self.now()


def look_at(sources: Sources, meters: Meters) -> None:
    """Give the meters a reading for each gauge, and for counters that are kept elsewhere."""
    token = sources.token
    meters.read("lag_records", lambda: _lag(sources.progress))
    meters.read("oldest_unsettled_seconds", lambda: _ages(sources.progress))
    meters.read("queued_records", lambda: {(): sources.workload.records})
    meters.read("in_flight_requests", lambda: {(): sources.in_flight()})
    meters.read("concurrency_limit", lambda: {(): sources.concurrency_limit()})
    meters.read("gate_closed", lambda: _gate(sources))
    meters.read("letter_budget_remaining", lambda: {(): sources.letter_budget()})
    meters.read(
        "token_fetches_total", lambda: {("fetched",): token.fetched, ("failed",): token.failed}
    )
    meters.read("token_expiry_timestamp_seconds", lambda: {(): sources.token_expires_at() or 0.0})
    build = (version("foundry-consumer"), platform.python_version())
    meters.read("build_info", lambda: {build: 1})


def _lag(progress: Progress) -> Mapping[Labels, float]:
    lags = ((standing.partition, standing.lag) for standing in progress.standings())
    # A 0 would be a claim, so a series begins only with the brokers' first answer.
    return {(topic, str(number)): lag for (topic, number), lag in lags if lag is not None}


def _ages(progress: Progress) -> Mapping[Labels, float]:
    return {
        (standing.partition.topic, str(standing.partition.partition)): standing.oldest_seconds
        for standing in progress.standings()
    }


def _gate(sources: Sources) -> Mapping[Labels, float]:
    reasons: set[GateReason] = {*get_args(GateReason)} - {_OF_A_TOPIC}
    series: dict[Labels, float] = {
        (scope, reason): 0 for scope in (EVERYTHING, *sources.actions) for reason in sorted(reasons)
    }
    series |= {(topic, _OF_A_TOPIC): 0 for topic in sources.topics}
    for scope, reason, _ in sources.gate.reasons():
        series[scope or EVERYTHING, reason] = 1
    return series
