"""Every name that dashboards and traces know, once, with what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "foundry_consumer_"

MetricName = Literal[
    "records_total",
    "dead_letters_total",
    "retries_total",
    "unknown_outcomes_total",
    "repeats_avoided_total",
    "commits_total",
    "rebalances_total",
    "gate_closed",
    "unknown_fields_total",
]
SpanName = Literal["foundry.action", "foundry.lookup"]
RecordOutcome = Literal["applied", "ignored", "dead_lettered"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its labels in order, and one sentence."""

    labels: tuple[str, ...]
    kind: Literal["counter", "gauge"]
    meaning: str


METRICS: dict[MetricName, Metric] = {
    "records_total": Metric(
        ("topic", "outcome"), "counter", "Records settled: applied, ignored or dead_lettered."
    ),
    "dead_letters_total": Metric(
        ("topic", "reason"), "counter", "Records written to the dead-letter topic, by reason."
    ),
    "retries_total": Metric(
        ("action", "cause"), "counter", "Requests that failed and are sent again, by cause."
    ),
    "unknown_outcomes_total": Metric(
        ("action",), "counter", "Actions of requests that failed after they may have been applied."
    ),
    "repeats_avoided_total": Metric(
        ("action",), "counter", "Actions found applied already, so that nothing was done twice."
    ),
    "commits_total": Metric(
        ("outcome",),
        "counter",
        "Offset commits by what became of them; anew for each kind of answer.",
    ),
    "rebalances_total": Metric(
        (), "counter", "Times that the group gave this member its partitions."
    ),
    "unknown_fields_total": Metric(
        ("type",),
        "counter",
        "Fields of applied events that their model does not know, by event type.",
    ),
    "gate_closed": Metric(
        ("scope", "reason"),
        "gauge",
        "1 while requests of the scope wait for the reason to end, else 0.",
    ),
}

SPANS: dict[SpanName, str] = {
    "foundry.action": "One request to Foundry: up to 20 actions of one type; linked to each record.",
    "foundry.lookup": "One read back, to learn whether an action of unknown outcome was applied.",
}
