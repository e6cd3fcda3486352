"""What publishers were promised stays: each event's JSON Schema is kept as it was published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consumer.contracts import load
from consumer.docs import rows, schema

PUBLISHED = Path(__file__).parent / "published"
CONTRACTS = load("schemas")
TYPES = [row.type for row in rows(CONTRACTS)]


def said(event_type: str) -> str:
    return (
        f"the schema of {event_type} is not the one that was published. Publishers rely on it: leave "
        "it, and give the changed event a new type (its version counted up) with a model and a route "
        "of its own beside this one. A change that every published record survives (a new optional "
        "field, a better description) may be published as it is: "
        f"foundry-consumer contracts schema {event_type} > tests/contracts/published/{event_type}.json"
    )


@pytest.mark.parametrize("event_type", TYPES)
def test_a_published_schema_stays(event_type: str) -> None:
    path = PUBLISHED / f"{event_type}.json"

    assert path.exists(), f"{event_type} is new: publish its schema; " + said(event_type)
    published: dict[str, Any] = json.loads(path.read_text())

    assert schema(CONTRACTS, event_type) == published, said(event_type)


def test_a_published_type_is_still_consumed() -> None:
    """A type that disappears makes a dead letter of every record that is still to come."""
    assert {path.stem for path in PUBLISHED.glob("*.json")} == set(TYPES)
