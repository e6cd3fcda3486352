"""The events of the demo: what is expected of them is written by hand, and the contracts agree with it."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

from consumer.contracts import load
from consumer.errors import Rejected
from consumer.model import Ignored, PlainRecord, Prepared
from consumer.pipeline import make_prepare
from deploy.local.demo.events import (
    EQUIPMENT,
    PARTITIONS,
    REPEAT,
    Already,
    Apply,
    Bury,
    Draft,
    Ignore,
    OddKey,
    all_wanted,
)
from deploy.local.demo.plan import plan, ticket_numbers
from deploy.local.demo.sites import ontology
from deploy.local.foundry import load_ontology

EVENTS = plan(12_000, seed=7)
CONTRACTS = load("schemas", {})
prepare = make_prepare(CONTRACTS.by_topic)
BY_FOUNDRY = {"rejected", "exhausted"}
"""Reasons that only Foundry's answers give."""


def prepared(draft: Draft) -> Prepared | Ignored | Rejected:
    headers = tuple((name, raw) for name, raw in draft.headers if isinstance(name, str))
    return prepare(
        PlainRecord(
            topic=draft.topic,
            partition=0,
            offset=0,
            key=draft.key.encode(),
            value=draft.value,
            headers=headers,
        )
    )


def of(kind: type) -> list[Draft]:
    return [draft for draft in EVENTS if isinstance(draft.expect, kind)]


def test_a_plan_has_exactly_the_events_that_are_asked_for_and_a_seed_gives_them_again() -> None:
    assert len(EVENTS) == 12_000
    assert plan(300, seed=3) == plan(300, seed=3)
    assert plan(300, seed=3) != plan(300, seed=4)


def test_the_topics_are_those_of_the_contracts() -> None:
    assert PARTITIONS.keys() == CONTRACTS.by_topic.keys()


def test_what_is_applied_is_what_the_contracts_make_of_it() -> None:
    for draft in of(Apply):
        assert isinstance(draft.expect, Apply)
        found = prepared(draft)

        assert isinstance(found, Prepared), (draft, found)
        calls = [(call.action.name, json.loads(call.parameters)) for call in found.calls]
        assert calls == [(want.action, want.parameters) for want in draft.expect.actions]
        assert found.lane is not None
        assert {REPEAT[name] for name, _ in calls} == {found.repeat.value}


def test_what_is_applied_already_creates_once_more_what_its_own_key_has_created() -> None:
    created = {want.identity for want in all_wanted(EVENTS)}

    for draft in of(Already):
        found = prepared(draft)
        assert isinstance(found, Prepared)
        (call,) = found.calls
        parameters = json.dumps(json.loads(call.parameters), sort_keys=True)
        assert f"{call.action.name} {parameters}" in created


def test_what_is_ignored_is_ignored_by_the_contracts() -> None:
    assert of(Ignore)
    assert all(isinstance(prepared(draft), Ignored) for draft in of(Ignore))


def test_what_is_broken_is_refused_for_the_reason_that_is_expected() -> None:
    for draft in of(Bury):
        assert isinstance(draft.expect, Bury)
        found = prepared(draft)

        if draft.expect.reason in BY_FOUNDRY:
            assert isinstance(found, Prepared)
        elif draft.expect.reason == "unreadable":
            assert any(isinstance(name, OddKey) for name, _ in draft.headers)
        else:
            assert isinstance(found, Rejected)
            assert found.reason == draft.expect.reason


def test_every_action_and_every_way_to_be_broken_occurs() -> None:
    assert {want.action for want in all_wanted(EVENTS)} == REPEAT.keys()
    reasons = Counter(draft.expect.reason for draft in of(Bury) if isinstance(draft.expect, Bury))
    assert reasons.keys() == BY_FOUNDRY | {
        "undecodable",
        "invalid",
        "unknown_type",
        "unauthorised",
        "unreadable",
    }
    assert of(Already)


def test_no_two_events_want_the_same_effect() -> None:
    """Else nobody could tell from Foundry's log which of them took effect."""
    identities = Counter(want.identity for want in all_wanted(EVENTS))

    assert identities.most_common(1)[0][1] == 1


def test_keys_take_turns() -> None:
    same = sum(before.key == after.key for before, after in pairwise(EVENTS))

    assert same < len(EVENTS) / 20


def test_foundry_takes_all_that_is_to_be_applied_and_refuses_what_is_to_be_rejected() -> None:
    loaded = load_ontology(ontology(ticket_numbers(EVENTS)))

    for want in all_wanted(EVENTS):
        assert not loaded.action_type(want.action).refused(want.parameters)
    melting = [d for d in of(Bury) if d.expect == Bury("rejected")]
    assert melting
    for draft in melting:
        found = prepared(draft)
        assert isinstance(found, Prepared)
        assert draft.topic == EQUIPMENT
        assert loaded.action_type(found.call.action.name).refused(json.loads(found.call.parameters))


def test_every_printer_that_is_spoken_of_is_there() -> None:
    known = {
        each["equipmentId"] for each in ontology(ticket_numbers(EVENTS))["objects"]["Equipment"]
    }
    tickets = [
        w for w in all_wanted(EVENTS) if w.action in {"create-ticket", "set-equipment-status"}
    ]

    spoken_of = {w.parameters["equipment"] for w in tickets if "equipment" in w.parameters}

    assert spoken_of
    assert spoken_of <= known
