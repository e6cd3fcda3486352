"""What is said of contracts offline, beside their examples."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from consumer.check import Finding, check, failed
from consumer.contracts import load
from consumer.model import ActionType

SHIPPED = load("schemas")


def test_contracts_that_do_not_import_are_one_failed_finding() -> None:
    findings = check("no_such_package_at_all")

    assert failed(findings)
    assert [(found.level, found.where) for found in findings] == [
        ("fail", "no_such_package_at_all")
    ]
    assert "No module named" in findings[0].what


def test_a_topic_name_that_no_contract_has_is_a_failed_finding() -> None:
    assert failed(check("schemas", {"helpdesk.ticket": "x"}))
    assert not failed(check("schemas", {"helpdesk.tickets": "x"}))


def test_each_action_type_is_listed_with_how_it_is_sent() -> None:
    said = {found.where: found.what for found in check("schemas")}

    assert said["notify-on-call"] == "sent with apply, always alone"
    assert said["create-ticket"].startswith("sent with applyBatch, up to 20 at once")
    assert {action.action_type.name for action in SHIPPED.actions} <= said.keys()
    assert ActionType("notify-on-call", 1) in {action.action_type for action in SHIPPED.actions}


def loose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> list[Finding]:
    (tmp_path / "loose_contracts.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "loose_contracts", raising=False)
    return [found for found in check("loose_contracts") if not found.what.startswith("no example")]


def test_allowing_every_source_and_saying_nothing_of_an_event_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = loose(
        tmp_path,
        monkeypatch,
        """
from consumer.contracts import *

class Silent(Event):
    a: str

one = Contract("one")
two = Contract("two", type_from=constant("silent"))

@one.on("silent", Silent)
@two.on("silent", Silent)
def ignored(event: Silent) -> Ignored:
    return ignore("why")
""",
    )

    assert [(found.level, found.where) for found in findings] == [
        ("warn", "one"),
        ("ok", "one silent"),
        ("warn", "one silent"),
        ("ok", "two silent"),
        ("warn", "two silent"),
    ]
    assert findings[0].what == "every source is allowed: sources is None"


def test_one_action_type_batched_and_not_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = loose(
        tmp_path,
        monkeypatch,
        """
from consumer.contracts import *

class Said(Event):
    \"\"\"Something was said.\"\"\"

class Alone(Action, api_name="do-it", batch=1): pass
class Batched(Action, api_name="do-it"): pass

one = Contract("one", type_from=field("type"))

@one.on("a", Said)
def a(event: Said) -> Alone | Batched:
    return Alone()
""",
    )

    assert [
        (found.level, found.where, found.what) for found in findings if found.level != "ok"
    ] == [("fail", "do-it", "two classes have this API name, with batch=1, 20")]


def test_a_time_that_may_lack_its_zone_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = loose(
        tmp_path,
        monkeypatch,
        """
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime

from consumer.contracts import *

class Visit(Event):
    at: datetime
    known_at: AwareDatetime

class Visited(Event):
    'A place was visited.'
    begun: datetime | None = None
    ended: AwareDatetime
    visits: list[Visit]
    notes: list[Annotated[str, {'unit': 'none'}]] = []

one = Contract("one", sources=["/a"])

@one.on("visited", Visited)
def ignored(event: Visited) -> Ignored:
    return ignore("a test")
""",
    )

    warned = [found for found in findings if found.level == "warn"]
    assert [found.what.partition(" ")[0] for found in warned] == [
        "Visited.begun",
        "Visited.visits.at",
    ]
    assert all("AwareDatetime" in found.remedy for found in warned)
