"""What the README shows of a terminal is what a terminal shows."""

from __future__ import annotations

import dataclasses
import re
import time
import tomllib
from types import SimpleNamespace
from typing import Any

from consumer.app import service
from consumer.check import Finding
from consumer.model import Letter, PlainRecord, Repeat
from consumer.telemetry import Sums, Telemetry
from consumer.telemetry.names import COUNTERS, GAUGES, HISTOGRAMS, full_name
from deploy.local.foundry import DEFAULT_CLIENT
from tests.docs.pages import Page, bare
from tests.telemetry.values import logged

README = Page("README.md")
TOPIC = "shipping.parcels"


def test_a_file_is_shown_before_a_command_needs_it() -> None:
    """Commands are pasted in their order."""
    for name in README.files:
        shown = README.text.index(f"\n`{name}`\n\n```")
        for block in README.blocks("sh"):
            if re.search(rf"(^|[\s/]){re.escape(name)}\b", block):
                assert shown < README.text.index(block), f"{name}: {block}"


def test_the_table_of_the_check_has_its_columns() -> None:
    (head,) = (line for line in README.text.splitlines() if line.startswith("level  where"))

    assert head.split() == [field.name for field in dataclasses.fields(Finding)]


def test_the_lines_of_the_log_are_those_of_a_terminal() -> None:
    sums = Sums(topics=[TOPIC])
    watch = Telemetry(sums, time.monotonic)
    sums.add("records_total", (TOPIC, "applied"))
    letter = Letter(
        PlainRecord(TOPIC, 3, 1),
        "invalid",
        "delivered_at: Input should have timezone info",
        "validate",
        event_id="d-2",
        event_type="com.example.parcel.delivered.v1",
    )
    instruments: Any = SimpleNamespace(sums=sums, topics=[TOPIC])

    with logged(form="console") as lines:
        watch.lettered(letter)
        service._say_end(instruments, complete=True)

    for line in lines.text.splitlines():
        assert line.partition(" ")[2] in README.text


def test_the_emulators_credentials_are_those_that_are_set() -> None:
    settings = tomllib.loads(README.files["consumer.toml"])
    client, secret = DEFAULT_CLIENT

    assert settings["foundry"]["client_id"] == client
    assert f"printf {secret} > {settings['foundry']['client_secret_file']}" in README.text


def test_the_table_of_repeats_is_the_codes() -> None:
    said = [re.findall(r"\w+", bare(row[0]))[0] for row in README.table("`repeat`")]

    assert sorted(said) == sorted(each.value for each in Repeat)


def test_every_metric_that_is_named_exists() -> None:
    known = {full_name(name) for table in (COUNTERS, GAUGES, HISTOGRAMS) for name in table}

    assert set(re.findall(r"\bfoundry_consumer_\w+", README.prose)) <= known
