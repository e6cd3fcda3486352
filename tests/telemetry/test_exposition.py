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
