"""The metrics: every series from the start, and counted right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import given, strategies as st
from prometheus_client.parser import text_string_to_metric_families as parse
from prometheus_client.samples import Sample

from consumer.errors import GateReason, Reason
from consumer.foundry.causes import REFUSED
from consumer.model import Lookup, Request
from consumer.outcomes import (
    Answer,
    Applied,
    LookupOutcome,
    Missing,
    Outage,
    Outcome,
    Unknown,
    Withheld,
)
from consumer.state.gate import HELD, Gate
from consumer.store import CommitResult
from consumer.telemetry import (
    MeteredActions,
    Meters,
    RequestDurations,
    Sums,
    Telemetry,
    exposition,
)
from consumer.telemetry.names import COUNTERS, GAUGES, HISTOGRAMS, full_name
from consumer.telemetry.sums import Distribution
from tests.telemetry.values import prepared, record, request

PUBLISHED = {
    "records_total": {"topic", "outcome"},
    "dead_letters_total": {"topic", "reason"},
    "lag_records": {"topic", "partition"},
    "oldest_unsettled_seconds": {"topic", "partition"},
    "settle_duration_seconds": {"topic"},
    "queued_records": set(),
    "in_flight_requests": set(),
    "concurrency_limit": set(),
    "gate_closed": {"scope", "reason"},
    "batch_size": set(),
    "retries_total": {"action", "cause"},
    "unknown_outcomes_total": {"action"},
    "repeats_avoided_total": {"action"},
    "letter_budget_remaining": set(),
    "token_fetches_total": {"outcome"},
    "token_expiry_timestamp_seconds": set(),
    "commits_total": {"outcome"},
    "rebalances_total": set(),
    "unknown_fields_total": {"type"},
    "build_info": {"version", "python"},
}
"""What dashboards rely on: a name or a label that is missing here was never promised."""
CONVENTION = {
    "http_request_method",
    "server_address",
    "server_port",
    "http_response_status_code",
    "error_type",
}


def samples(page: bytes) -> Iterator[Sample]:
    for family in parse(page.decode()):
        yield from family.samples


def test_the_names_and_labels_are_those_that_are_published() -> None:
    found = {
        full_name(name): set(metric.labels)
        for table in (COUNTERS, GAUGES, HISTOGRAMS)
        for name, metric in table.items()
    }

    assert found == {f"foundry_consumer_{name}": labels for name, labels in PUBLISHED.items()} | {
        "http_client_request_duration_seconds": CONVENTION
    }


def test_a_value_falls_into_the_bucket_whose_bound_it_does_not_exceed() -> None:
    distribution = Distribution((1.0, 2.0))

    for value in (0.0, 1.0, 1.5, 2.0, 2.1, math.inf):
        distribution.observe(value)

    assert distribution.counts == [2, 2, 2]


def test_what_is_observed_together_is_counted_as_one_by_one() -> None:
    together, apart = Distribution((1.0, 2.0)), Distribution((1.0, 2.0))

    together.observe(1.5, 3)
    for _ in range(3):
        apart.observe(1.5)

    assert (together.counts, together.total) == (apart.counts, apart.total)


@given(
    st.lists(
        st.tuples(st.sampled_from(("a", "b")), st.sampled_from((1.0, 7.0, 9.5)), st.booleans())
    )
)
def test_each_record_of_a_request_is_counted_once_by_its_own_topic_and_time(
    kinds: list[tuple[str, float, bool]],
) -> None:
    """However topics, times and unfinished records stand beside one another."""
    watch = Telemetry(Sums(topics=["a", "b"]), lambda: 10.0)
    entries, wanted = [], {"a": [0.0, 0], "b": [0.0, 0]}
    for offset, (topic, taken_at, last) in enumerate(kinds):
        entry = prepared(record(offset, topic=topic), calls=1 if last else 2)
        entry.taken_at = taken_at
        entries.append(entry)
        wanted[topic][0] += (10.0 - taken_at) * last
        wanted[topic][1] += last

    if entries:
        watch.applied(entries, already=False)

    for topic, (total, count) in wanted.items():
        found = watch.sums.distribution("settle_duration_seconds", (topic,))
        assert found.total == pytest.approx(total)
        assert sum(found.counts) == count
        assert watch.sums.value("records_total", topic, "applied") == count


def test_a_record_took_from_its_intake_to_its_last_action() -> None:
    clock = [100.0]
    watch = Telemetry(Sums(topics=["tickets", "others"]), lambda: clock[0])
    one, two, other = (
        prepared(record(1)),
        prepared(record(2), calls=2),
        prepared(record(topic="others")),
    )
    one.taken_at = two.taken_at = other.taken_at = 99.9

    watch.applied([one, two, other], already=False)
    two.applied, clock[0] = 1, 104.0
    watch.applied([two], already=False)

    tickets = watch.sums.distribution("settle_duration_seconds", ("tickets",))
    assert sum(tickets.counts) == 2
    assert tickets.total == pytest.approx(0.1 + 4.1)
    assert sum(watch.sums.distribution("settle_duration_seconds", ("others",)).counts) == 1


class Answering:
    """Actions that answer one thing, and look at the meter meanwhile."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.meter: MeteredActions | None = None
        self.seen: list[int] = []

    async def send(self, request: Request) -> Outcome:
        assert self.meter is not None
        self.seen.append(self.meter.in_flight)
        return self.outcome

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        assert self.meter is not None
        self.seen.append(self.meter.in_flight)
        return Missing()


def metered(outcome: Outcome) -> tuple[MeteredActions, Answering, Sums]:
    sums, inner = Sums(), Answering(outcome)
    inner.meter = MeteredActions(inner, sums)
    return inner.meter, inner, sums


async def test_a_request_is_on_its_way_until_it_is_answered_and_its_actions_are_counted() -> None:
    actions, inner, sums = metered(Applied())

    await actions.send(request(prepared(record(1)), prepared(record(2))))
    await actions.look_up(Lookup("Ticket", applied=bool, key="T-1"))

    assert inner.seen == [1, 1]
    assert actions.in_flight == 0
    assert sums.distribution("batch_size").total == 2


@pytest.mark.parametrize(
    ("outcome", "sizes"),
    [
        (Withheld(), 0),
        (REFUSED.outage(), 0),
        (Outage(Answer("http_503", status=503), "token", everywhere=True), 0),
        (Outage(Answer("http_503", status=503), "failing"), 1),
        (Unknown(Answer("timeout")), 1),
    ],
)
async def test_what_was_not_sent_has_no_batch_size(outcome: Outcome, sizes: int) -> None:
    """An outage would be shown as thousands of requests."""
    actions, _, sums = metered(outcome)

    await actions.send(request(prepared(record(1))))

    assert sum(sums.distribution("batch_size").counts) == sizes


async def test_what_only_asks_has_no_batch_size() -> None:
    applied, _, only_validated = metered(Applied())
    validation = request(prepared(record(1)))
    validation.validate_only = True

    await applied.send(validation)

    assert sum(only_validated.distribution("batch_size").counts) == 0


async def test_a_request_that_raises_is_not_on_its_way_any_more() -> None:
    class Broken(Answering):
        async def send(self, request: Request) -> Outcome:
            raise RuntimeError("a bug")

    actions = MeteredActions(Broken(Applied()), Sums())

    with pytest.raises(RuntimeError):
        await actions.send(request(prepared(record(1))))

    assert actions.in_flight == 0


def test_requests_have_the_labels_of_the_semantic_conventions() -> None:
    sums = Sums()
    durations = RequestDurations(sums, "stack.example", 443)

    durations("POST", 0.2, 200, None)
    durations("POST", 0.2, 503, None)
    durations("GET", 15.0, None, "timeout")

    page, _ = exposition(Meters(sums), "")
    counts = {
        tuple(sample.labels[name] for name in sorted(CONVENTION)): sample.value
        for sample in samples(page)
        if sample.name == "http_client_request_duration_seconds_count"
    }
    assert counts == {
        ("", "POST", "200", "stack.example", "443"): 1,
        ("503", "POST", "503", "stack.example", "443"): 1,
        ("timeout", "GET", "", "stack.example", "443"): 1,
    }


def test_series_whose_labels_are_known_are_there_at_zero() -> None:
    sums = Sums(topics=["tickets"], actions=["create-ticket"], event_types=["opened.v1"])
    RequestDurations(sums, "stack.example", 443)
    MeteredActions(Answering(Applied()), sums)

    page, _ = exposition(Meters(sums), "")

    found: dict[str, set[tuple[str, ...]]] = {}
    for sample in samples(page):
        assert sample.value == 0, sample
        found.setdefault(sample.name.removeprefix("foundry_consumer_"), set()).add(
            tuple(value for name, value in sorted(sample.labels.items()) if name != "le")
        )
    assert found["records_total"] == {
        (outcome, "tickets") for outcome in ("applied", "ignored", "dead_lettered")
    }
    assert found["dead_letters_total"] == {(reason, "tickets") for reason in get_args(Reason)}
    assert found["settle_duration_seconds_count"] == {("tickets",)}
    assert found["unknown_outcomes_total"] == {("create-ticket",)}
    assert found["repeats_avoided_total"] == {("create-ticket",)}
    assert found["unknown_fields_total"] == {("opened.v1",)}
    assert found["commits_total"] == {(result.value,) for result in CommitResult}
    assert found["rebalances_total"] == found["batch_size_count"] == {()}
    assert len(found["http_client_request_duration_seconds_count"]) == 1


def test_every_reason_that_closes_the_gate_is_known_beforehand() -> None:
    """A reason that is not in the closed set would be a series that is not there at 0."""
    gate = Gate()
    for reason in HELD:
        gate.close(reason, None, 0.0)

    assert {reason for _, reason, _ in gate.reasons()} <= {*get_args(GateReason), *HELD}
