"""Settings that suffice; where Foundry and Kafka are, each test says itself."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("KAFKA_", "FOUNDRY_", "CONSUMER_")):
            monkeypatch.delenv(name)
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": "localhost:1",
        "KAFKA_GROUP_ID": "g",
        "FOUNDRY_HOSTNAME": "acme.example",
        "FOUNDRY_ONTOLOGY": "fieldwork",
        "FOUNDRY_CLIENT_ID": "c",
        "FOUNDRY_CLIENT_SECRET": "s",
    }.items():
        monkeypatch.setenv(name, value)
