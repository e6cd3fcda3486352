"""Every name that dashboards and traces use, in one place, with its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "foundry_consumer_"

CounterName = Literal[
    "records_total",
    "dead_letters_total",
    "retries_total",
    "unknown_outcomes_total",
    "repeats_avoided_total",
    "token_fetches_total",
    "commits_total",
    "rebalances_total",
    "unknown_fields_total",
]
GaugeName = Literal[
    "lag_records",
    "oldest_unsettled_seconds",
    "queued_records",
    "in_flight_requests",
    "concurrency_limit",
    "gate_closed",
    "letter_budget_remaining",
    "token_expiry_timestamp_seconds",
    "build_info",
]
HistogramName = Literal[
    "settle_duration_seconds", "batch_size", "http_client_request_duration_seconds"
]
MetricName = CounterName | GaugeName | HistogramName
SpanName = Literal["foundry.action", "foundry.lookup"]
"""A request to Foundry, with links to its up to 20 records; a read-back, to find out whether an action was applied."""
RecordOutcome = Literal["applied", "ignored", "dead_lettered"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its labels in order, and one sentence for its meaning."""

    labels: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, slots=True)
class Histogram(Metric):
    """A metric that is counted in buckets."""

    bounds: tuple[float, ...]
    """The inclusive upper bound of each bucket; a last bucket is above all of them."""


COUNTERS: dict[CounterName, Metric] = {
    "records_total": Metric(
        ("topic", "outcome"), "Records settled: `applied`, `ignored` or `dead_lettered`."
    ),
    "dead_letters_total": Metric(
        ("topic", "reason"), "Records written to the dead-letter topic, by reason."
    ),
    "retries_total": Metric(
        ("action", "cause"), "Requests that failed and are sent again, by cause."
    ),
    "unknown_outcomes_total": Metric(
        ("action",), "Actions of requests that failed after they may have been applied."
    ),
    "repeats_avoided_total": Metric(
        ("action",), "Actions found applied already, so that nothing was done twice."
    ),
    "token_fetches_total": Metric(
        ("outcome",), "Token requests, by outcome: `fetched` or `failed`."
    ),
    "commits_total": Metric(
        ("outcome",),
        "Offset commits, by outcome; one whose partitions fared differently counts once for each outcome.",
    ),
    "rebalances_total": Metric((), "Times that the group assigned partitions to this member."),
    "unknown_fields_total": Metric(
        ("type",), "Fields of applied events that their model does not know, by event type."
    ),
}

GAUGES: dict[GaugeName, Metric] = {
    "lag_records": Metric(
        ("topic", "partition"),
        "Offsets of an assigned partition that are not settled, taken in or not.",
    ),
    "oldest_unsettled_seconds": Metric(
        ("topic", "partition"),
        "Age of the oldest record that is not settled, by its own timestamp; where that is"
        " missing or in the future, the time since it was taken in.",
    ),
    "queued_records": Metric(
        (), "Records taken in and not settled: waiting, in flight, or becoming letters."
    ),
    "in_flight_requests": Metric((), "Requests to Foundry that are in flight."),
    "concurrency_limit": Metric((), "Requests that may be in flight at one time."),
    "gate_closed": Metric(
        ("scope", "reason"), "1 while requests of the scope wait for the reason to end, else 0."
    ),
    "letter_budget_remaining": Metric(
        (), "Dead letters that may be written before the gate closes."
    ),
    "token_expiry_timestamp_seconds": Metric(
        (), "When the current token stops being used, in Unix time; 0 if there is none."
    ),
    "build_info": Metric(("version", "python"), "Always 1; the labels say what runs."),
}

HISTOGRAMS: dict[HistogramName, Histogram] = {
    "settle_duration_seconds": Histogram(
        ("topic",),
        "Time from taking in a record until its last action was applied.",
        (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600),
    ),
    "batch_size": Histogram(
        (),
        "Actions per request sent, not counting validations.",
        (1, 2, 3, 5, 10, 15, 19, 20),
    ),
    "http_client_request_duration_seconds": Histogram(
        (
            "http_request_method",
            "server_address",
            "server_port",
            "http_response_status_code",
            "error_type",
        ),
        "Requests to Foundry, tokens included, from the wait for a connection to the end of the"
        " answer.",
        # As the semantic conventions of OpenTelemetry advise.
        (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
    ),
}


def full_name(name: MetricName) -> str:
    """The name that dashboards use: ours have our prefix, those of a semantic convention do not."""
    return name if name.startswith("http_") else f"{PREFIX}{name}"
