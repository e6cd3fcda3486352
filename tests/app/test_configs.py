"""What each part takes of the settings, and what the log takes out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consumer.app.configs import core_limits, foundry_config, known_secrets
from consumer.settings import load_settings

SETTINGS = """
[kafka]
bootstrap_servers = "localhost:9092"
group_id = "g"
commit_interval = 2
[foundry]
hostname = "acme.example"
ontology = "o"
client_id = "c"
client_secret_file = "secret"
client_auth = "basic"
scopes = ["a", "b"]
max_in_flight = 7
batch_size = 3
request_timeout = 4
settle_time = 9
proxy = "http://user:pa%2Fss@proxy:3128"
[dispatch]
max_records = 5
max_bytes = 6
max_span = 8
[retry]
initial = 1
maximum = 2
attempts = 3
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("KAFKA_", "FOUNDRY_", "CONSUMER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    Path("secret").write_text("old\n")
    Path("consumer.toml").write_text(SETTINGS)


def test_every_number_of_the_core_comes_from_its_setting() -> None:
    limits, retry = core_limits(load_settings())

    assert (limits.max_records, limits.max_bytes, limits.max_span) == (5, 6, 8)
    assert (limits.max_in_flight, limits.batch_size) == (7, 3)
    assert (limits.commit_interval, limits.request_timeout, limits.settle_time) == (2, 4, 9)
    assert (retry.initial, retry.maximum, retry.attempts) == (1, 2, 3)


def test_the_foundry_edge_gets_its_section() -> None:
    config = foundry_config(load_settings())

    assert (config.hostname, config.ontology, config.client_id) == (
        "https://acme.example",
        "o",
        "c",
    )
    assert (config.client_auth, config.scopes, config.max_in_flight) == ("basic", ("a", "b"), 7)
    assert (config.request_timeout, config.ca_file) == (4, None)
    assert "pa%2Fss" not in repr(config)


def test_a_secret_that_rotated_is_read_by_the_edge_and_taken_out_by_the_log() -> None:
    settings = load_settings()
    config = foundry_config(settings)
    before = known_secrets(settings)

    Path("secret").write_text("new\n")
    read = config.client_secret.read()

    assert read == "new"
    assert before == {"old", "pa%2Fss", "pa/ss"}
    assert known_secrets(settings) == {"old", "new", "pa%2Fss", "pa/ss"}
