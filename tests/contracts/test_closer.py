"""What `check` tells of an example beyond its outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consumer.check import Finding, check

OWNERS = """
from consumer.contracts import Contract, Event, Ignored, constant, ignore

class Room(Event):
    number: int

class Visit(Event):
    'A visit.'
    rooms: list[Room] = []

visits = Contract("visits", type_from=constant("visit"))

@visits.on("visit", Visit)
def visited(event: Visit) -> Ignored:
"""


def of_visits(
    folder: Path, function: str, value: dict[str, Any], owners: str = OWNERS
) -> list[Finding]:
    """What is said of one example; `function`: the body of the owner's."""
    name = f"visits_{abs(hash((function, str(folder))))}"
    examples = folder / name / "examples/visits"
    examples.mkdir(parents=True)
    (folder / name / "__init__.py").write_text(owners + function)
    example = {"record": {"value": value}, "expect": {"ignored": "no"}}
    (examples / "one.json").write_text(json.dumps(example))
    return [each for each in check(name) if each.where.endswith("one.json")]


def test_a_field_that_the_model_does_not_know_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a mapping may go on reading what was taken out of the model, unchecked."""
    monkeypatch.syspath_prepend(tmp_path)
    rooms = [{"number": 1, "floor": 2}, {"number": 2, "floor": 2}]

    found = of_visits(tmp_path, "    return ignore('no')", {"by": "ada", "rooms": rooms})

    assert [each.level for each in found] == ["ok", "warn", "warn"]
    assert found[1].what.startswith("by is not a field of Visit: ")
    assert found[2].what.startswith("rooms.floor is not a field of Room: ")


def test_what_the_owners_function_raised_is_told_with_line_and_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text offline alone: a letter, and a line of the log, say the line."""
    monkeypatch.syspath_prepend(tmp_path)

    (found,) = of_visits(tmp_path, "    return ignore(event.why)", {})

    line = len(OWNERS.splitlines()) + 1
    assert found.level == "fail"
    assert "unmappable: visited raised AttributeError at visits_" in found.what
    assert f"/__init__.py:{line}: AttributeError: 'Visit' object has no attribute" in found.what


def test_the_field_that_names_the_type_is_not_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could neither be taken out of the example nor need the model know it."""
    monkeypatch.syspath_prepend(tmp_path)
    owners = OWNERS.replace("constant", "field").replace('field("visit")', 'field("kind")')

    found = of_visits(tmp_path, "    return ignore('no')", {"kind": "visit", "by": "ada"}, owners)

    assert [each.what.partition(" ")[0] for each in found] == ["holds", "by"]
