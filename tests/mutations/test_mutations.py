"""The suite has to notice when a law is broken: each defect of the table is seeded, and its tests run.

Without this a test may pass for years that cannot fail. A defect that nobody notices is a hole in the
suite, and is closed there, never by taking the defect off the table.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutations.answers import ANSWERS
from tests.mutations.copies import ROOT, Exit, copy_project, run_tests, share
from tests.mutations.edges import EDGES
from tests.mutations.endings import ENDINGS
from tests.mutations.gates import GATES
from tests.mutations.handovers import HANDOVERS
from tests.mutations.leases import LEASES
from tests.mutations.limits import LIMITS
from tests.mutations.losses import LOSSES
from tests.mutations.mutation import Mutation
from tests.mutations.operators import OPERATORS
from tests.mutations.outages import OUTAGES
from tests.mutations.pacing import PACING
from tests.mutations.rules import RULES
from tests.mutations.secrecy import SECRECY
from tests.mutations.unknowns import UNKNOWNS

LAWS = range(1, 13)
RULES_OF_CLAIMS = range(1, 19)
MUTATIONS = (
    *LOSSES,
    *HANDOVERS,
    *OUTAGES,
    *GATES,
    *UNKNOWNS,
    *ANSWERS,
    *LIMITS,
    *EDGES,
    *ENDINGS,
    *SECRECY,
    *OPERATORS,
    *PACING,
    *RULES,
    *LEASES,
)

OF_EACH_LAW = 2
"""So many defects of each law are seeded every day; the others take as long as all else together."""
EVERYDAY = tuple(
    mutation
    for place, mutation in enumerate(MUTATIONS)
    if [each.law for each in MUTATIONS[:place]].count(mutation.law) < OF_EACH_LAW
)
OTHERS = tuple(mutation for mutation in MUTATIONS if mutation not in EVERYDAY)
PARTS = 4

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is: copied once, and changed by nobody."""
    return copy_project(tmp_path_factory.mktemp("project") / "pristine")


@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param(each, id=str(each), marks=() if each in EVERYDAY else pytest.mark.slow)
        for each in MUTATIONS
    ],
)
def test_a_seeded_defect_is_noticed(mutation: Mutation, pristine: Path, tmp_path: Path) -> None:
    mutated = share(pristine, tmp_path / "mutated")
    mutation.apply(mutated)

    ran = run_tests(mutated, [mutation.noticed_by])

    assert ran.code == Exit.FAILED, ran.output
    assert re.search(mutation.says, ran.failure), ran.output


@pytest.mark.parametrize(
    "seeded",
    [
        pytest.param(EVERYDAY, id="every day"),
        *(
            pytest.param(OTHERS[part::PARTS], id=f"others {part}", marks=pytest.mark.slow)
            for part in range(PARTS)
        ),
    ],
)
def test_without_a_defect_nothing_is_noticed(seeded: tuple[Mutation, ...], pristine: Path) -> None:
    """The same tests, in the same way: what they notice is the defect, and not the copy."""
    ran = run_tests(pristine, sorted({mutation.noticed_by for mutation in seeded}))

    assert ran.code == Exit.PASSED, ran.output


def test_every_defect_has_its_place_and_its_test() -> None:
    """At once, and without running any: a rotten one would be found out only by its own run."""
    for mutation in MUTATIONS:
        source, suite = (ROOT / mutation.file).read_text(), (ROOT / mutation.suite).read_text()
        name = mutation.test.partition("[")[0].rpartition("::")[2]
        assert source.count(mutation.old) == 1, mutation
        if mutation.file.endswith(".py"):
            ast.parse(source.replace(mutation.old, mutation.new), mutation.name)
        assert f"def {name}(" in suite, mutation


def test_every_law_has_its_defects_and_each_is_named_once() -> None:
    assert {mutation.law for mutation in MUTATIONS} == set(LAWS)
    assert {mutation.law for mutation in EVERYDAY} == set(LAWS)
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)


def test_every_law_has_tests_that_are_named_for_it() -> None:
    suites = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    named = {int(law) for suite in suites for law in re.findall(r"def test_law_(\d+)_", suite)}

    assert named == set(LAWS)


def test_every_rule_of_claims_is_switched_off_by_a_defect() -> None:
    assert {mutation.rule for mutation in MUTATIONS} - {None} == set(RULES_OF_CLAIMS)


@pytest.mark.parametrize(("text", "times"), [("", 0), ("old old", 2), ("new", 0)])
def test_a_defect_whose_place_is_not_there_exactly_once_is_an_error(
    text: str, times: int, tmp_path: Path
) -> None:
    (tmp_path / "consumer").mkdir()
    (tmp_path / "consumer" / "x.py").write_text(text)
    rotten = replace(MUTATIONS[0], file="consumer/x.py", old="old")

    with pytest.raises(LookupError, match=f"stands {times} times in consumer/x.py"):
        rotten.apply(tmp_path)


def test_a_defect_of_a_copy_does_not_reach_the_files_it_shares(tmp_path: Path) -> None:
    (tmp_path / "pristine").mkdir()
    (tmp_path / "pristine" / "x.py").write_text("old")
    mutated = share(tmp_path / "pristine", tmp_path / "mutated")

    replace(MUTATIONS[0], file="x.py", old="old", new="new").apply(mutated)

    assert (mutated / "x.py").read_text() == "new"
    assert (tmp_path / "pristine" / "x.py").read_text() == "old"
