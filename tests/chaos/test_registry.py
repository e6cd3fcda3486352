"""Each scenario can fail: it has a defect to catch, which stands in the source as it is written down; and the pages list it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.local.chaos.__main__ import main
from deploy.local.chaos.defects import PACKAGE, Defect
from deploy.local.chaos.failed import ChaosFailed
from deploy.local.chaos.scenario import Scenario
from deploy.local.chaos.scenarios import ALL, SCENARIOS
from tests.docs.pages import Page, bare

DEFECTS = sorted({d for each in ALL for d in each.defects}, key=lambda defect: defect.name)


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: each.name)
def test_each_scenario_has_a_defect_that_it_must_catch(scenario: Scenario) -> None:
    assert scenario.defects
    assert scenario.does


def test_names_are_unique() -> None:
    assert len(SCENARIOS) == len(ALL)
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda each: each.name)
def test_each_defect_can_be_seeded_and_still_compiles(defect: Defect, tmp_path: Path) -> None:
    folder = defect.copy_to(tmp_path)

    mutated = (folder / "consumer" / defect.file).read_text(encoding="utf-8")
    assert mutated != (PACKAGE / defect.file).read_text(encoding="utf-8")
    ast.parse(mutated)


def test_a_defect_whose_place_is_gone_is_said_not_skipped(tmp_path: Path) -> None:
    rotten = Defect("rotten", "commits.py", "this stands nowhere", "", "nothing")

    with pytest.raises(ChaosFailed, match="stands 0 times in commits"):
        rotten.copy_to(tmp_path)


def test_the_tour_plays_less_than_ten_minutes() -> None:
    """What starting, settling and judging take comes on top."""
    assert sum(each.seconds for each in ALL) < 360


def test_the_readme_lists_every_scenario_with_its_defect() -> None:
    rows = {bare(row[0]): row for row in Page("README.md").table("scenario")}

    assert list(rows) == list(SCENARIOS)
    for name, row in rows.items():
        assert row[1], name
        assert bare(row[2]).startswith(f"{SCENARIOS[name].defects[0].name}: ")


def test_the_list_names_them_too() -> None:
    printed = CliRunner().invoke(main, ["--list"]).output

    assert all(name in printed for name in SCENARIOS)
    assert all(defect.name in printed for defect in DEFECTS)


@pytest.mark.parametrize("arguments", [["kill"], ["kills", "--defect", "none"], ["--minutes", "0"]])
def test_what_is_not_there_is_refused_with_what_is(arguments: list[str]) -> None:
    refused = CliRunner().invoke(main, arguments)

    assert refused.exit_code == 2, refused.output
