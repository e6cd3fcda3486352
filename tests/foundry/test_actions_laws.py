"""What the core relies on in `Actions`, told once and run over the fake one and over the emulator: so they cannot differ."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import product

import pytest

from consumer.foundry.opening import open_foundry
from consumer.model import Repeat
from consumer.outcomes import (
    Answer,
    Applied,
    Conflicted,
    Found,
    LookupOutcome,
    Missing,
    Outage,
    Outcome,
    Oversized,
    Refused,
    Unknown,
    Withheld,
)
from deploy.local.foundry import serve
from tests import virtual_time
from tests.flow.world import LIMITS, Options, World
from tests.foundry.places import SHORT, Place, Pretended, Real
from tests.foundry.test_emulator import settings
from tests.kafka.member import Told

LATE = 1.0
"""Seconds that a machine which does something else may come late."""
NO_ANSWER = Unknown(Answer("timeout"), gate="timeouts")
CUT = Unknown(Answer("reset"), gate="timeouts")
BROKEN = Unknown(Answer("http_500", status=500), answered=True, gate="failing")
THROTTLED = Outage(Answer("http_429", status=429), "overloaded", everywhere=True)
UNREAD = Outage(Answer("http_500", status=500), "failing")

TOLD: list[tuple[str, list[Outcome], set[int]]] = [
    ("lost", [NO_ANSWER, CUT], {0, 1}),
    ("hangs after", [NO_ANSWER], {1}),
    ("cut after", [CUT], {1}),
    ("broken", [BROKEN], {0, 1}),
    ("throttled", [THROTTLED], {0}),
]
"""Of each trouble what is said of it, and how often an action may have taken effect all the same."""


def said(outcome: Outcome | LookupOutcome) -> Outcome | LookupOutcome:
    """Without what is there for people alone, and without seconds."""
    if not isinstance(outcome, Unknown | Outage):
        return outcome
    answer = Answer(outcome.answer.cause, status=outcome.answer.status)
    return replace(outcome, answer=answer, remedy=None)


async def what_is_applied_took_effect_once(place: Place) -> None:
    for request in (place.request(batch=1), place.request(), place.request(3)):
        assert await place.actions.send(request) == Applied()
        assert set(place.effects(request)) == {1}


async def what_is_refused_took_no_effect_and_neither_did_its_company(place: Place) -> None:
    for request in (
        place.request(0, bad=1, batch=1),
        place.request(0, bad=1),
        place.request(3, bad=1),
    ):
        assert isinstance(await place.actions.send(request), Refused)
        assert set(place.effects(request)) == {0}


async def what_exists_already_is_applied_where_a_create_is_alone(place: Place) -> None:
    first = place.request(repeat=Repeat.CREATE)
    assert await place.actions.send(first) == Applied()
    assert await place.actions.send(first) == Applied(already=True)

    other = place.request(repeat=Repeat.CREATE)
    both = replace(
        first,
        parameters=[*first.parameters, *other.parameters],
        entries=[*first.entries, *other.entries],
    )
    assert isinstance(await place.actions.send(both), Refused)
    assert place.effects(both) == [1, 0]


async def what_is_in_conflict_took_no_effect_and_may_succeed_soon(place: Place) -> None:
    for count, batch in ((1, 1), (2, 20)):
        request = place.request(count, batch=batch, early=True)
        assert isinstance(await place.actions.send(request), Conflicted)
        assert set(place.effects(request)) == {0}
        await place.time_passes()
        assert await place.actions.send(request) == Applied()
        assert set(place.effects(request)) == {1}


async def what_is_too_much_took_no_effect_and_says_what_is_not(place: Place) -> None:
    place.takes_at_most(2)
    request = place.request(3)

    outcome = await place.actions.send(request)

    assert isinstance(outcome, Oversized)
    assert outcome.maximum == 2
    assert set(place.effects(request)) == {0}


async def what_may_not_be_sent_does_not_arrive(place: Place) -> None:
    request = replace(place.request(), may_send=lambda: False)

    assert await place.actions.send(request) == Withheld()
    assert place.arrived == 0


async def what_may_no_longer_be_sent_does_not_arrive_either(place: Place) -> None:
    """It is asked once more where all is ready: what was allowed before a wait is not any more."""
    allowed = [True]
    request = replace(place.request(), may_send=lambda: bool(allowed) and allowed.pop())

    assert await place.actions.send(request) == Withheld()
    assert place.arrived == 0


async def a_trouble_is_told_as_what_it_is(place: Place) -> None:
    loop = asyncio.get_running_loop()
    for name, outcomes, times in TOLD:
        requests = []
        for trouble, batch in product(place.troubles[name], (1, 20)):
            trouble()
            request, began = place.request(batch=batch), loop.time()
            assert said(await place.actions.send(request)) in outcomes, name
            assert loop.time() <= began + place.request_timeout + LATE, name
            place.is_well()
            requests.append(request)
        await place.time_passes()
        assert all(set(place.effects(request)) <= times for request in requests), name


async def a_validation_takes_no_effect_and_is_never_unknown(place: Place) -> None:
    request = place.request(validate_only=True)
    assert await place.actions.send(request) == Applied()
    for name, outcomes, _ in TOLD:
        expected = [without_effect(outcome) for outcome in outcomes]
        for trouble in place.troubles[name]:
            trouble()
            assert said(await place.actions.send(request)) in expected, name
            place.is_well()
    await place.time_passes()
    assert set(place.effects(request)) == {0}


def without_effect(outcome: Outcome) -> Outcome:
    assert isinstance(outcome, Unknown | Outage)
    return Outage(outcome.answer, outcome.gate or "failing", outcome.everywhere)


async def what_took_effect_is_found_and_nothing_else(place: Place) -> None:
    request = place.request()
    lookup = place.lookup(request)
    assert await place.actions.look_up(lookup) == Missing()

    assert await place.actions.send(request) == Applied()
    assert isinstance(await place.actions.look_up(lookup), Found)
    place.troubles["unread"][0]()
    assert said(await place.actions.look_up(lookup)) == UNREAD


Law = Callable[[Place], Awaitable[None]]
LAWS: list[Law] = [
    what_is_applied_took_effect_once,
    what_is_refused_took_no_effect_and_neither_did_its_company,
    what_exists_already_is_applied_where_a_create_is_alone,
    what_is_in_conflict_took_no_effect_and_may_succeed_soon,
    what_is_too_much_took_no_effect_and_says_what_is_not,
    what_may_not_be_sent_does_not_arrive,
    what_may_no_longer_be_sent_does_not_arrive_either,
    a_trouble_is_told_as_what_it_is,
    a_validation_takes_no_effect_and_is_never_unknown,
    what_took_effect_is_found_and_nothing_else,
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("law", LAWS)
def test_the_fake_keeps_it(law: Law, seed: int) -> None:
    async def main() -> None:
        # What this process does it never commits: nobody is to miss that.
        world = World(seed, Options(limits=replace(LIMITS, commit_interval=1e6)))
        world.log.create(world.partition(0))
        process, told = world._process("p"), Told()
        await process.source.join(told)
        await told.until(lambda: bool(told.sessions))
        await process.source.poll([], 0, 1.0)
        await law(Pretended(world, process))
        await process.source.close(leave=True)

    virtual_time.run(main(), seed=seed)


@pytest.mark.parametrize("law", LAWS)
async def test_the_emulator_keeps_it(law: Law) -> None:
    async with (
        serve() as stack,
        open_foundry(settings(stack, request_timeout=SHORT)) as foundry,
    ):
        await foundry.tokens.get()
        await law(Real(stack, foundry.actions))
