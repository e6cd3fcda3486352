"""Each scenario can fail: it has a defect to catch, which stands in the source as it is written down; and the pages list it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.local.chaos.__main__ import main
from deploy.local.chaos.ambush import POINTS
from deploy.local.chaos.failed import ChaosFailed
from deploy.local.chaos.patches import PACKAGE, Patch, patched
from deploy.local.chaos.phases import PHASES
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


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: each.name)
def test_its_defects_can_be_seeded_beside_its_points_and_still_compile(
    scenario: Scenario, tmp_path: Path
) -> None:
    for defect in scenario.defects:
        others = [*(POINTS[point] for point in scenario.points), *scenario.patches]
        folder = patched([*others, defect.patch], tmp_path / defect.name)

        for patch in (*others, defect.patch):
            changed = (folder / "consumer" / patch.file).read_text(encoding="utf-8")
            assert changed != (PACKAGE / patch.file).read_text(encoding="utf-8")
            ast.parse(changed)


def test_what_is_to_be_changed_and_is_gone_is_said_not_skipped(tmp_path: Path) -> None:
    rotten = Patch("commits.py", "this stands nowhere", "")

    with pytest.raises(ChaosFailed, match="stands 0 times in commits"):
        patched([rotten], tmp_path)


def test_kills_hits_a_request_between_any_two_steps() -> None:
    assert SCENARIOS["kills"].points == PHASES
    assert set(POINTS) == set(PHASES)


def test_a_point_that_was_hit_too_seldom_is_named() -> None:
    """Once is enough in the tour; where it is played for long it has to be often."""
    frozen = SCENARIOS["frozen"]
    (point,) = frozen.points

    assert frozen.short_of({}, frozen.seconds) == [f"{point!r} was hit 0 times, not 1"]
    assert frozen.short_of({point: 1}, frozen.seconds) == []
    assert frozen.short_of({point: 19}, frozen.long) == [f"{point!r} was hit 19 times, not 20"]
    assert frozen.short_of({point: 20}, frozen.long) == []


def test_the_tour_plays_less_than_ten_minutes() -> None:
    """What starting, settling and judging take comes on top."""
    assert sum(each.seconds for each in ALL) < 380


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
