"""The settings that the service has in a scenario: short times, and what the scenario says otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from deploy.local.chaos.kafka import Kafka
from deploy.local.chaos.ontology import NAME

CLIENT = "chaos"
SESSION_TIMEOUT = 6
COMMIT_INTERVAL = 1.0
REQUEST_TIMEOUT = 3.0
SETTLE_TIME = 2.0
ATTEMPTS = 5

Section = Mapping[str, object]
Changes = Mapping[str, Section]


def settings(kafka: Kafka, contracts: str, foundry: str, secret: Path, changes: Changes) -> str:
    """As TOML. `changes`: by section, the keys that are otherwise."""
    sections: Mapping[str, Section] = {
        "consumer": {"contracts": contracts},
        "kafka": {
            "bootstrap_servers": kafka.servers,
            "group_id": kafka.group,
            "session_timeout": SESSION_TIMEOUT,
            "commit_interval": COMMIT_INTERVAL,
        },
        "topics": kafka.names,
        "foundry": {
            "hostname": foundry,
            "ontology": NAME,
            "client_id": CLIENT,
            "client_secret_file": str(secret),
            "request_timeout": REQUEST_TIMEOUT,
            "settle_time": SETTLE_TIME,
        },
        "retry": {"maximum": 2, "attempts": ATTEMPTS},
        "stop": {"grace": REQUEST_TIMEOUT + 8},
        "admin": {"port": 0},
        "log": {"format": "json"},
    }
    text = ""
    for name in {**sections, **changes}:
        text += f"[{name}]\n"
        keys = {**sections.get(name, {}), **changes.get(name, {})}
        # What JSON and TOML write alike: texts, numbers, booleans.
        text += "".join(f"{json.dumps(key)} = {json.dumps(value)}\n" for key, value in keys.items())
    return text
