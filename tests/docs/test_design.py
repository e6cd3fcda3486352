"""DESIGN.md and CHANGELOG.md are true: modules, layers and tests are as they say."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from tests.docs.pages import ROOT, Page, bare

DESIGN = Page("consumer/DESIGN.md")
TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_file_map_lists_every_module_and_no_other() -> None:
    modules = {str(path.relative_to(ROOT / "consumer")) for path in ROOT.glob("consumer/**/*.py")}

    listed = [bare(row[0]) for row in DESIGN.table("file")]

    assert len(listed) == len(set(listed)), "a module stands twice"
    assert set(listed) == modules


def test_each_module_of_the_file_map_has_its_line() -> None:
    for name, what in DESIGN.table("file"):
        empty = (ROOT / "consumer" / bare(name)).stat().st_size == 0
        assert bool(what) is not empty, name


def test_the_layers_are_those_that_are_checked() -> None:
    (contract,) = [
        each for each in project()["tool"]["importlinter"]["contracts"] if each["type"] == "layers"
    ]

    assert "\n".join(contract["layers"]) + "\n" in DESIGN.blocks("")


def test_each_invariant_names_tests_that_exist() -> None:
    invariants = [
        line
        for line in DESIGN.text.partition("## Non-obvious")[2].partition("\n## ")[0].splitlines()
        if line.startswith("- ")
    ]

    assert invariants
    for line in invariants:
        named = TEST.findall(line)
        assert named, f"no test guards: {line}"
        for path, name in named:
            found = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^ *(async )?def {name}\(", found, re.MULTILINE), f"{path}::{name}"


def test_the_changelog_begins_with_the_version_that_this_is() -> None:
    versions = re.findall(r"^## (\S+)", Page("CHANGELOG.md").text, re.MULTILINE)

    assert versions[0] == project()["project"]["version"]
