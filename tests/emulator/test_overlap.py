"""Many requests at once: limits, latency, and who is first to an object."""

from __future__ import annotations

import asyncio

from deploy.local.foundry import Foundry, parse_fault, serve
from tests.emulator.caller import TICKET, Caller, calling, switch_on, ticket


async def test_above_the_limit_of_requests_at_once_there_is_a_429() -> None:
    faults = [parse_fault("latency:seconds=0.2"), parse_fault("limit:concurrency=3,retry_after=2")]
    async with serve(faults=faults) as foundry, calling(foundry) as caller:
        answers = await asyncio.gather(
            *(caller.apply("create-ticket", ticket(n)) for n in range(5))
        )

        statuses = sorted(answered.status for answered in answers)
        refused = [answered for answered in answers if answered.status == 429]
        assert statuses == [200, 200, 200, 429, 429]
        assert {answered.headers["Retry-After"] for answered in refused} == {"2"}
        assert len(foundry.effects) == 3


async def test_the_stacks_own_limit_holds_without_any_fault(
    caller: Caller, foundry: Foundry
) -> None:
    await caller.control("PUT", "limits", {"in_flight": 0})

    answered = await caller.apply("create-ticket", TICKET)

    assert (answered.status, answered.headers["Retry-After"]) == (429, "1")


async def test_latency_delays_the_answer(caller: Caller, foundry: Foundry) -> None:
    switch_on(foundry, "latency:low=0.05,high=0.1")
    loop = asyncio.get_running_loop()

    start = loop.time()
    answered = await caller.apply("create-ticket", TICKET)

    assert answered.status == 200
    assert loop.time() - start >= 0.05


async def test_of_two_overlapping_edits_of_one_object_one_is_refused(
    caller: Caller, foundry: Foundry
) -> None:
    await caller.apply("create-ticket", TICKET)
    switch_on(foundry, "latency:seconds=0.05")

    answers = await asyncio.gather(
        *(
            caller.apply("set-ticket-priority", {"ticket": "T-1", "priority": "high", "note": note})
            for note in ("one", "two")
        )
    )

    assert sorted(answered.status for answered in answers) == [200, 409]
    (refused,) = (answered for answered in answers if answered.status == 409)
    assert refused.error == (409, "CONFLICT", "ObjectsModifiedConcurrently")
    assert foundry.effects.by_action["set-ticket-priority"] == 1


async def test_overlapping_edits_of_two_objects_both_take_effect(
    caller: Caller, foundry: Foundry
) -> None:
    await caller.batch("create-ticket", [ticket(1), ticket(2)])
    switch_on(foundry, "latency:seconds=0.05")

    answers = await asyncio.gather(
        *(
            caller.apply("set-ticket-priority", {"ticket": f"T-{n}", "priority": "high"})
            for n in (1, 2)
        )
    )

    assert [answered.status for answered in answers] == [200, 200]


async def test_of_two_overlapping_creations_of_one_object_one_exists_already(
    caller: Caller, foundry: Foundry
) -> None:
    switch_on(foundry, "latency:seconds=0.05")

    answers = await asyncio.gather(*(caller.apply("create-ticket", TICKET) for _ in range(2)))

    (refused,) = (answered for answered in answers if answered.status != 200)
    assert refused.error == (409, "CONFLICT", "ObjectAlreadyExists")
