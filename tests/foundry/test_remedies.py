"""Whatever only a person can mend says what has to be done, in the words of the page where it is done."""

from __future__ import annotations

import pytest

from consumer.foundry import verdicts
from consumer.foundry.answers import Reply
from consumer.foundry.verdicts import Kind, Rule
from consumer.outcomes import Outage, Unknown
from tests.foundry.judging import foundry, judged

PASSING = {"overloaded", "failing"}
"""Gates that open again without anybody doing anything."""

RULES = {
    name: rule
    for name, rule in vars(verdicts).items()
    if isinstance(rule, Rule) and (rule.kind is Kind.OUTAGE or rule.everywhere)
}


@pytest.mark.parametrize("name", sorted(RULES))
def test_an_outage_that_does_not_pass_by_itself_says_what_to_do(name: str) -> None:
    rule = RULES[name]

    assert bool(rule.remedy) == (rule.gate not in PASSING)


TOLD: list[tuple[Reply, str, tuple[str, ...]]] = [
    (foundry(401, "UNAUTHORIZED", "Default:Unauthorized"), "token", ("application is enabled",)),
    (
        foundry(403, "PERMISSION_DENIED", "ApiUsageDenied"),
        "forbidden",
        ("grant the scope", "Developer Console", "foundry.scopes"),
    ),
    (
        foundry(403, "PERMISSION_DENIED", "EditObjectPermissionDenied"),
        "forbidden",
        ("service user", "role on the project", "submission criteria", "resources"),
    ),
    (
        foundry(404, "NOT_FOUND", "ActionTypeNotFound"),
        "missing_action",
        ("API name", "service user may see it", "resources", "two minutes"),
    ),
    (
        foundry(404, "NOT_FOUND", "OntologyNotFound"),
        "missing_ontology",
        ("foundry.ontology", "service user may see it"),
    ),
    (
        foundry(404, "NOT_FOUND", "ObjectTypeNotFound"),
        "misconfigured",
        ("missing or not visible", "service user"),
    ),
    (foundry(400, "INVALID_ARGUMENT", "ParametersNotFound"), "misconfigured", ("`doctor`",)),
    (Reply(404, "text/html", b"<html>"), "wrong_host", ("foundry.hostname",)),
    (Reply(302, "text/html", b""), "redirected", ("final host",)),
    (Reply(403, "text/html", b"<html>"), "forbidden", ("firewall",)),
    (Reply(407, "text/html", b""), "unreachable", ("foundry.proxy",)),
    (Reply(200, "text/html", b"<html>"), "not_foundry", ("foundry.hostname", "login page")),
]


@pytest.mark.parametrize(("reply", "gate", "words"), TOLD)
def test_a_remedy_names_the_place_where_it_is_mended(
    reply: Reply, gate: str, words: tuple[str, ...]
) -> None:
    found = judged(reply)

    assert isinstance(found, Outage | Unknown)
    assert found.gate == gate
    assert all(word in (found.remedy or "") for word in words), found.remedy
