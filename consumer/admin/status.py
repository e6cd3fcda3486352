"""`/status`: where everything stands, for people and scripts. No key and no field of an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final

from consumer.telemetry import Sources, Telemetry
from consumer.telemetry.progress import Standing
from consumer.telemetry.readings import EVERYTHING

_REMEDIES: Final[Mapping[str, str]] = {"operator": "POST /resume when it may continue"}


def status(sources: Sources, watch: Telemetry) -> dict[str, Any]:
    """Everything, as of now."""
    workload = sources.workload
    lanes, due = workload.lanes, workload.lanes.next_due
    return {
        "version": version("foundry-consumer"),
        "assigned": sources.assigned(watch.assignment),
        "partitions": [
            _partition(standing, sources, watch) for standing in sources.progress.standings()
        ],
        "queued": {
            "records": workload.records,
            "bytes": workload.bytes,
            "lanes": len(lanes),
            "put_off": lanes.put_off,
            "next_in_seconds": None if due is None else round(max(0.0, due - sources.now()), 3),
        },
        "in_flight": sources.in_flight(),
        "concurrency_limit": sources.concurrency_limit(),
        "gate": _gate(sources, watch),
        "letter_budget": sources.letter_budget(),
        "token": _token(sources),
    }


def _partition(standing: Standing, sources: Sources, watch: Telemetry) -> dict[str, Any]:
    commit = watch.commits.get(standing.partition)
    return {
        "topic": standing.partition.topic,
        "partition": standing.partition.partition,
        "position": standing.position,
        "watermark": standing.watermark,
        "end": standing.end,
        "lag": standing.lag,
        "unsettled": standing.unsettled,
        "oldest_unsettled_seconds": round(standing.oldest_seconds, 3),
        "stuck": standing.stuck,
        "last_commit": None
        if commit is None
        else {"outcome": commit.result.value, "at": _moment(sources, commit.at)},
    }


def _gate(sources: Sources, watch: Telemetry) -> list[dict[str, Any]]:
    now = sources.now()
    return [
        {
            "scope": scope or EVERYTHING,
            "reason": reason,
            "since": _moment(sources, since),
            "seconds": round(now - since, 3),
            "remedy": watch.remedies.get((scope or EVERYTHING, reason), _REMEDIES.get(reason)),
        }
        for scope, reason, since in sources.gate.reasons()
    ]


def _token(sources: Sources) -> dict[str, Any]:
    expires_at = sources.token_expires_at()
    return {
        "held": expires_at is not None,
        "expires_at": None if expires_at is None else _iso(expires_at),
        "fetched": sources.token.fetched,
        "failed": sources.token.failed,
    }


def _moment(sources: Sources, at: float) -> str:
    """A time of the monotonic clock as a calendar time (ISO 8601, UTC)."""
    return _iso(sources.wall() - (sources.now() - at))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
