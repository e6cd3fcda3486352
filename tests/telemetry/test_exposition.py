"""The page that Prometheus reads: well-formed whatever stands in it, and written seldom."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse

from consumer.telemetry import (
    Exposition,
    Meters,
    Sums,
    exposition,
)

HOSTILE = 'a"b\\c\nd{e="f"} 1\n# TYPE x counter'


@pytest.mark.parametrize("accept", ["", "text/plain", "application/openmetrics-text", "*/*; q=x"])
def test_a_page_can_be_read_whatever_stands_in_a_label(accept: str) -> None:
    sums = Sums(topics=["tickets"])
    sums.add("retries_total", ("create-ticket", HOSTILE), 3)
    sums.distribution("batch_size").observe(20)

    page, content_type = exposition(Meters(sums), accept)

    reader = parse_openmetrics if "openmetrics" in content_type else parse
    found = [s for family in reader(page.decode()) for s in family.samples]
    (retries,) = [s for s in found if s.name == "foundry_consumer_retries_total"]
    assert (retries.labels["cause"], retries.value) == (HOSTILE, 3)


def test_a_page_is_written_at_most_once_a_second_in_each_format() -> None:
    """Whoever asks without end takes nothing from the records."""
    sums, clock = Sums(), [100.0]
    page = Exposition(Meters(sums), lambda: clock[0])

    def rebalances(accept: str) -> float:
        body, content_type = page(accept)
        reader = parse_openmetrics if "openmetrics" in content_type else parse
        found = {s.name: s.value for family in reader(body.decode()) for s in family.samples}
        return found["foundry_consumer_rebalances_total"]

    first = rebalances("")
    sums.add("rebalances_total")
    again, other = rebalances("text/plain"), rebalances("application/openmetrics-text")
    clock[0] += 1

    assert (first, again, other, rebalances("")) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", "text/plain; version=0.0.4"),
        ("text/plain;version=7.0.0", "text/plain; version=0.0.4"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0"),
        ("*/*, application/openmetrics-text;q=0.5", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text; version=0.0.1,text/plain", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=no", "application/openmetrics-text; version=1.0.0"),
        ("x/application/openmetrics-text", "text/plain; version=0.0.4"),
    ],
)
def test_there_are_two_formats_whatever_is_asked_for(accept: str, given: str) -> None:
    _, content_type = Exposition(Meters(Sums()), lambda: 0.0)(accept)

    assert content_type.startswith(f"{given}; charset=utf-8")


def test_who_asks_for_one_version_after_another_gets_the_same_page() -> None:
    """Anybody may ask: a page for each version would cost memory without end, and the loop its time."""
    sums = Sums()
    page = Exposition(Meters(sums), lambda: 100.0)

    first, _ = page("application/openmetrics-text; version=1.0.0")
    sums.add("rebalances_total")
    again = {page(f"application/openmetrics-text; version=1.0.{each}")[0] for each in range(20)}

    assert again == {first}


def test_buckets_add_up_to_the_count() -> None:
    sums = Sums()
    for size in (1, 7, 20, 20):
        sums.distribution("batch_size").observe(size)

    page, _ = exposition(Meters(sums), "")

    found = {
        (s.name.removeprefix("foundry_consumer_"), s.labels.get("le")): s.value
        for family in parse(page.decode())
        for s in family.samples
    }
    assert found["batch_size_bucket", "1.0"] == 1
    assert found["batch_size_bucket", "10.0"] == 2
    assert found["batch_size_bucket", "19.0"] == 2
    assert found["batch_size_bucket", "20.0"] == 4
    assert found["batch_size_bucket", "+Inf"] == found["batch_size_count", None] == 4
    assert found["batch_size_sum", None] == 48
