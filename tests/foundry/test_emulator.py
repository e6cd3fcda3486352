"""The client against the emulator: each outcome compared with what took effect there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from consumer.foundry.config import FoundryConfig
from consumer.foundry.opening import Foundry, open_foundry
from consumer.foundry.reach import Reached, reach
from consumer.model import ActionType, Lookup, Repeat, Request
from consumer.outcomes import (
    Applied,
    Conflicted,
    Found,
    Missing,
    Outage,
    Outcome,
    Oversized,
    Refused,
    Unknown,
)
from consumer.settings import Secret
from deploy.local.foundry import DEFAULT_CLIENT, Client, Fault, Foundry as Stack, serve
from tests.foundry.server import entry

CREATE = ActionType("create-ticket", batch=20)
CREATE_ALONE = ActionType("create-ticket", batch=1)
SHORT = 0.3


def settings(stack: Stack, **changes: Any) -> FoundryConfig:
    values: dict[str, Any] = {
        "hostname": stack.url,
        "ontology": "fieldwork",
        "client_id": DEFAULT_CLIENT[0],
        "client_secret": Secret("foundry.client_secret", text=DEFAULT_CLIENT[1]),
        "request_timeout": 5.0,
        "ca_file": stack.ca_file,
    }
    return FoundryConfig(**(values | changes))


def ticket(number: int, **changes: Any) -> bytes:
    given = {
        "ticketId": f"T-{number}",
        "title": "Printer on fire",
        "priority": "high",
        "openedAt": "2026-01-02T03:04:05Z",
    }
    return json.dumps(given | changes).encode()


def asking(
    action: ActionType, *parameters: bytes, repeat: Repeat = Repeat.NEVER, **more: Any
) -> Request:
    return Request(
        action, parameters, [entry(action, repeat) for _ in parameters], lambda: True, **more
    )


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with serve() as running:
        yield running


@pytest.fixture
async def foundry(stack: Stack) -> AsyncIterator[Foundry]:
    async with open_foundry(settings(stack)) as opened:
        yield opened


async def test_applied_means_one_effect_for_each_action(stack: Stack, foundry: Foundry) -> None:
    assert await foundry.actions.send(asking(CREATE_ALONE, ticket(1))) == Applied()
    assert await foundry.actions.send(asking(CREATE, ticket(2), ticket(3))) == Applied()
    assert await foundry.actions.send(asking(CREATE, ticket(4))) == Applied()

    assert [effect.parameters["ticketId"] for effect in stack.effects] == [
        "T-1",
        "T-2",
        "T-3",
        "T-4",
    ]
    assert [effect.batch for effect in stack.effects] == [0, 2, 2, 1]


async def test_a_validation_takes_no_effect(stack: Stack, foundry: Foundry) -> None:
    good = await foundry.actions.send(asking(CREATE, ticket(1), validate_only=True))
    bad = await foundry.actions.send(asking(CREATE, ticket(1, priority="odd"), validate_only=True))

    assert good == Applied()
    assert isinstance(bad, Refused)
    assert len(stack.effects) == 0


async def test_an_invalid_action_is_refused_alone_and_in_a_batch(
    stack: Stack, foundry: Foundry
) -> None:
    """In a batch nothing says which one it was: it is split, and alone it has its reason."""
    alone = await foundry.actions.send(asking(CREATE_ALONE, ticket(1, priority="Max Muster")))
    batch = await foundry.actions.send(asking(CREATE, ticket(2), ticket(3, priority="Max Muster")))

    assert isinstance(alone, Refused)
    assert alone.answer.error_name == "ActionValidationFailed"
    assert "priority" in alone.answer.detail
    assert "oneOf" in alone.answer.detail
    assert isinstance(batch, Refused)
    assert "Max Muster" not in repr([alone, batch])
    assert len(stack.effects) == 0


async def test_what_was_created_before_counts_for_a_create_alone(
    stack: Stack, foundry: Foundry
) -> None:
    await foundry.actions.send(asking(CREATE, ticket(1)))

    assert await foundry.actions.send(asking(CREATE, ticket(1), repeat=Repeat.CREATE)) == Applied(
        already=True
    )
    pair = await foundry.actions.send(asking(CREATE, ticket(1), ticket(2), repeat=Repeat.CREATE))
    other = await foundry.actions.send(asking(CREATE, ticket(1)))

    assert isinstance(pair, Refused)
    assert isinstance(other, Refused)
    assert len(stack.effects) == 1


async def test_a_reference_that_is_not_there_yet_may_come(stack: Stack, foundry: Foundry) -> None:
    close = ActionType("close-ticket", batch=1)
    parameters = b'{"ticket":"T-1","closedAt":"2026-01-02T03:04:05Z"}'

    early = await foundry.actions.send(asking(close, parameters))
    await foundry.actions.send(asking(CREATE, ticket(1)))

    assert isinstance(early, Conflicted)
    assert await foundry.actions.send(asking(close, parameters)) == Applied()


async def test_a_batch_over_the_limit_says_the_limit(stack: Stack, foundry: Foundry) -> None:
    stack.limits.batch = 2

    outcome = await foundry.actions.send(asking(CREATE, *(ticket(number) for number in range(3))))

    assert isinstance(outcome, Oversized)
    assert outcome.maximum == 2
    assert len(stack.effects) == 0


WORLD: list[tuple[Fault, type[Outcome], str | None]] = [
    (Fault("forbidden"), Outage, "forbidden"),
    (Fault("missing"), Outage, "missing_action"),
    (Fault("unauthorized"), Outage, "token"),
    (Fault("redirect"), Outage, "redirected"),
    (Fault("html"), Unknown, "not_foundry"),
    (Fault("status", status=429, retry_after="3"), Outage, "overloaded"),
    (Fault("status", status=503), Outage, "overloaded"),
    (Fault("status", status=503, body="html"), Unknown, "failing"),
    (Fault("status", status=500), Unknown, "failing"),
    (Fault("status", status=504, body="html"), Unknown, "failing"),
    (Fault("error", name="ObjectChanged", code="CONFLICT"), Conflicted, None),
    (Fault("cut"), Unknown, "timeouts"),
    (Fault("cut", when="after"), Unknown, "timeouts"),
    (Fault("hang"), Unknown, "timeouts"),
    (Fault("hang", when="after"), Unknown, "timeouts"),
    (Fault("late", seconds=0.05), Unknown, "timeouts"),
]


@pytest.mark.parametrize(
    ("fault", "outcome", "gate"),
    WORLD,
    ids=[f"{row[0].kind}-{index}" for index, row in enumerate(WORLD)],
)
async def test_the_worlds_faults_are_told_apart(
    stack: Stack, fault: Fault, outcome: type[Outcome], gate: str | None
) -> None:
    """Whatever took effect is applied or unknown; what is called anything else took none."""
    async with open_foundry(settings(stack, request_timeout=SHORT)) as foundry:
        stack.faults.switch_on(fault)
        for action in (CREATE_ALONE, CREATE):
            found = await foundry.actions.send(asking(action, ticket(1)))

            assert type(found) is outcome
            assert getattr(found, "gate", None) == gate
            assert outcome is Unknown or len(stack.effects) == 0
            stack.objects.clear()


async def test_a_success_that_was_cut_took_effect(stack: Stack, foundry: Foundry) -> None:
    stack.faults.switch_on(Fault("cut_body", when="after"))

    single = await foundry.actions.send(asking(CREATE_ALONE, ticket(1)))
    batch = await foundry.actions.send(asking(CREATE, ticket(2)))

    assert isinstance(single, Unknown)
    assert batch == Applied()
    assert len(stack.effects) == 2


@pytest.mark.parametrize("auth", ["post", "basic"])
async def test_a_revoked_token_is_replaced_under_load(stack: Stack, auth: str) -> None:
    async with open_foundry(settings(stack, client_auth=auth)) as foundry:
        await foundry.actions.send(asking(CREATE, ticket(0)))
        stack.identity.revoke_all()

        outcomes = await asyncio.gather(
            *(foundry.actions.send(asking(CREATE, ticket(number))) for number in range(1, 60))
        )

        assert outcomes == [Applied()] * 59
        assert len(stack.effects) == 60
        assert foundry.tokens.fetched == 2


@pytest.mark.parametrize(
    ("client", "cause"),
    [
        (Client("consumer", {"another"}), "invalid_client"),
        (Client("consumer", {"consumer-secret"}, grant_enabled=False), "unauthorized_client"),
        (Client("consumer", {"consumer-secret"}, scopes=frozenset({"api:x"})), "invalid_scope"),
    ],
)
async def test_a_client_that_may_not_is_told_why(client: Client, cause: str) -> None:
    async with serve(clients=[client]) as stack, open_foundry(settings(stack)) as foundry:
        outcome = await foundry.actions.send(asking(CREATE, ticket(1)))

    assert isinstance(outcome, Outage)
    assert (outcome.gate, outcome.answer.cause) == ("token", cause)
    assert outcome.remedy


async def test_reading_back_agrees_with_what_took_effect(stack: Stack, foundry: Foundry) -> None:
    key, where = (
        Lookup("Ticket", bool, key="T-1"),
        Lookup("Ticket", bool, where={"title": "Printer on fire"}),
    )
    before = [await foundry.actions.look_up(lookup) for lookup in (key, where)]
    await foundry.actions.send(asking(CREATE, ticket(1)))
    after = [await foundry.actions.look_up(lookup) for lookup in (key, where)]

    assert before == [Missing(), Missing()]
    for found in after:
        assert isinstance(found, Found)
        assert found.properties["ticketId"] == "T-1"


async def test_the_ontology_is_read_as_it_is(stack: Stack, foundry: Foundry) -> None:
    one = await foundry.ontology.get_ontology()
    ontologies = await foundry.ontology.list_ontologies()
    action = await foundry.ontology.get_action_type("create-ticket")
    actions = await foundry.ontology.list_action_types()
    missing = await foundry.ontology.get_action_type("nothing")

    assert ontologies == [one]
    assert not isinstance(action, Outage)
    assert {p.id: p.type for p in action.parameters}["equipment"] == "object Equipment"
    assert not isinstance(actions, Outage)
    assert len(actions) == 9
    assert action in actions
    assert isinstance(missing, Outage)
    assert missing.gate == "missing_action"


async def test_all_of_it_works_over_tls(tmp_path: Path) -> None:
    async with serve(cert_dir=tmp_path) as stack:
        steps = await reach(settings(stack))
        async with open_foundry(settings(stack)) as foundry:
            assert await foundry.actions.send(asking(CREATE, ticket(1))) == Applied()

        assert all(isinstance(step, Reached) for step in steps)
        assert [step.step for step in steps] == ["dns", "tcp", "tls"]
