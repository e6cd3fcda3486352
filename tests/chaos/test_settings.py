"""The settings that a scenario gives the service are those that the service reads."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from consumer.settings import load_settings
from deploy.local.chaos.kafka import Kafka
from deploy.local.chaos.process import OURS
from deploy.local.chaos.scenario import Scenario
from deploy.local.chaos.scenarios import ALL
from deploy.local.chaos.settings import settings


def written(tmp_path: Path, scenario: Scenario) -> str:
    secret = tmp_path / "client_secret"
    secret.write_text("secret")
    kafka = Kafka("127.0.0.1:9092", "p", ["helpdesk.tickets"], producer=None)
    return settings(kafka, "schemas", "http://127.0.0.1:1", secret, scenario.given.settings)


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: each.name)
def test_the_service_takes_them_without_a_word_of_advice(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)
    config = tmp_path / "consumer.toml"
    config.write_text(written(tmp_path, scenario))

    taken = load_settings(config)

    assert not taken.warnings
    assert taken.topics == {"helpdesk.tickets": "p.helpdesk.tickets"}


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: each.name)
def test_what_a_scenario_says_otherwise_is_written(scenario: Scenario, tmp_path: Path) -> None:
    """In sections that the others leave alone too."""
    text = tomllib.loads(written(tmp_path, scenario))

    for section, keys in scenario.given.settings.items():
        assert {**text[section], **keys} == text[section]
