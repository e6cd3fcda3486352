"""Settings with which the service works in these tests: short times, and every line of its log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.kafka import Kafka
from tests.e2e.ontology import NAME

CLIENT = "e2e"
SESSION_TIMEOUT = 6
COMMIT_INTERVAL = 0.5
REQUEST_TIMEOUT = 3
GRACE = 9
SETTLE_TIME = 1

Section = Mapping[str, object]


def settings(kafka: Kafka, foundry: str, secret: Path, changes: Mapping[str, Section]) -> str:
    """As TOML. `changes`: by section, the keys that are otherwise."""
    sections: Mapping[str, Section] = {
        "consumer": {"contracts": "tests.e2e.contracts"},
        "kafka": {
            "bootstrap_servers": kafka.servers,
            "group_id": kafka.group,
            "session_timeout": SESSION_TIMEOUT,
            "commit_interval": COMMIT_INTERVAL,
        },
        "topics": {"work": kafka.topic},
        "foundry": {
            "hostname": foundry,
            "ontology": NAME,
            "client_id": CLIENT,
            "client_secret_file": str(secret),
            "request_timeout": REQUEST_TIMEOUT,
            "settle_time": SETTLE_TIME,
        },
        "retry": {"maximum": 1},
        "dead_letters": {},
        "stop": {"grace": GRACE},
        "admin": {"port": 0},
        "log": {"level": "debug", "format": "json"},
    }
    tables = [_table(name, {**keys, **changes.get(name, {})}) for name, keys in sections.items()]
    return "\n".join(tables)


def _table(name: str, keys: Section) -> str:
    lines = [f"{key} = {_toml(value)}" for key, value in keys.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
