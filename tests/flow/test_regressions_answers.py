"""What an answer says of a record was read wrongly once: each test fails where that comes back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from consumer.foundry.answers import Reply
from consumer.foundry.classify import Sent, classify
from consumer.model import (
    ActionType,
    Call,
    Lookup,
    Partition,
    PlainRecord,
    Prepared,
    Repeat,
    Request,
)
from consumer.outcomes import Answer, Conflicted, LookupOutcome, Outcome
from consumer.ports import Actions
from consumer.state.ledger import Ledger
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload
from consumer.store import Session
from tests.fakes.foundry import Plan
from tests.flow.laws import letters_of
from tests.flow.process import Ports, Service, core
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, RETRY, World

# Answers -----------------------------------------------------------------------------------------


def test_a_gateways_503_that_says_how_long_to_wait_does_not_send_a_harmful_action_twice() -> None:
    """Its upstream may have executed the request before it was lost."""
    reply = Reply(503, "text/html", b"<h1>upstream reset</h1>", retry_after="1")
    outcome = classify(reply, Sent(batched=True, size=1, repeat=Repeat.NEVER), 0.0)

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(0.005, 0.02, outcome))
        (record,) = world.produce(repeat=Repeat.NEVER)
        world.start()
        await world.settled()

        assert len(world.truth.effects_of[record]) == 1
        assert letters_of(world.truth, "unknown") == [record]

    simulate(story, seed=1)


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("OntologySyncing", "CONFLICT", 409),
        ("OntologyDefinitionOutOfSync", "CONFLICT", 409),
        ("ActionParameterObjectTypeNotFound", "NOT_FOUND", 404),
        ("FunctionExecutionFailed", "INTERNAL", 500),
        ("ApplyActionFailed", "INTERNAL", 500),
    ],
)
def test_the_ontologys_own_trouble_makes_no_letters(name: str, code: str, status: int) -> None:
    """Taken for conflicts of single records they used up each record's tries within seconds."""
    told = {"errorCode": code, "errorName": name, "errorInstanceId": "x", "parameters": {}}
    reply = Reply(status, "application/json", json.dumps(told).encode())
    outcome = classify(reply, Sent(batched=True, size=20, repeat=Repeat.SAFE), 0.0)

    async def story(world: World) -> None:
        world.foundry.plans.extend([Plan(None, 0.05, outcome)] * 4 * RETRY.attempts)
        world.produce(3)
        world.start()
        await world.settled()

        assert not world.truth.letters
        assert not world.foundry.plans

    simulate(story, seed=1)


class Stumbles:
    """Actions that raise once, when nobody can say any more whether the request has left."""

    def __init__(self, inner: Actions) -> None:
        self._inner = inner
        self.at: float | None = None

    async def send(self, request: Request) -> Outcome:
        if self.at is None:
            self.at = asyncio.get_running_loop().time()
            raise ZeroDivisionError("a bug of the client")
        return await self._inner.send(request)

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        return await self._inner.look_up(lookup)


def test_after_a_bug_while_sending_the_lane_waits_as_for_any_lost_request() -> None:
    """It counted as answered: what came next in the lane could be overtaken by the first try."""
    made: list[Stumbles] = []

    def stumbling(ports: Ports) -> Service:
        made.append(Stumbles(ports.actions))
        return core(replace(ports, actions=made[-1]))

    async def story(world: World) -> None:
        _, later = world.produce(2, lane="a")
        world.start()
        await world.settled()

        stumbled = made[0].at
        assert stumbled is not None
        assert world.truth.effects_of[later][0].at >= stumbled + LIMITS.settle_time

    simulate(story, seed=1, service=stumbling)


# Tries -------------------------------------------------------------------------------------------


def test_each_action_of_a_record_has_its_own_tries() -> None:
    """The tries of the first action were counted against the second: a letter too early."""
    refusals = [Plan(None, 0.01, Conflicted(Answer("ObjectChanged", status=409)))] * 3

    async def story(world: World) -> None:
        assert len(refusals) < RETRY.attempts < 2 * len(refusals)
        world.foundry.plans.extend([*refusals, Plan(0.01, 0.02), *refusals])
        (record,) = world.produce(steps=2)
        world.start()
        await world.settled()

        assert not world.truth.letters
        assert world.truth.executed(record, 1)

    simulate(story, seed=1)


def test_the_next_action_of_a_record_that_was_sent_alone_is_sent_in_company() -> None:
    """What made the first action a request of its own says nothing of the second."""
    workload = Workload(LIMITS)
    partition = Partition("t", 0)
    call = Call(ActionType("set", batch=20), b"{}")
    entry = Prepared(PlainRecord("t", 0, 0), "e", "set", None, Repeat.SAFE, (call, call), 1)
    ledger = Ledger(0, max_span=LIMITS.max_span)
    entry.tenure = Tenure(partition, Session("m1", 1), ledger, now=0.0, suspects_until=0.0)
    entry.charged, entry.alone = 3, True

    workload.advance(entry)

    assert (entry.charged, entry.alone) == (0, False)
    assert workload.begun([entry.tenure])
