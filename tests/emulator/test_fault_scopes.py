"""What a fault meets: endpoints, action types, keys; how often and for how long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from deploy.local.foundry import Fault, Foundry, parse_fault
from deploy.local.foundry.faults import Faults
from tests.emulator.caller import Answered, Caller, ticket

Call = Callable[[Caller], Awaitable[Answered]]


def applies(number: int, **more: Any) -> Call:
    return lambda caller: caller.apply("create-ticket", ticket(number, **more))


@pytest.mark.parametrize(
    ("fault", "calls", "statuses"),
    [
        ("status:times=2", [applies(n) for n in range(4)], [503, 503, 200, 200]),
        ("status:key=T-2", [applies(n) for n in range(4)], [200, 200, 503, 200]),
        ("status:action=close-ticket", [applies(1)], [200]),
        ("status:action=create-ticket", [applies(1)], [503]),
        (
            "status:endpoint=token",
            [applies(1), lambda c: c.call("POST", "/multipass/api/oauth2/token", data={})],
            [200, 503],
        ),
        ("status:endpoint=metadata", [applies(1), lambda c: c.get("actionTypes")], [200, 503]),
        (
            "status:endpoint=objects",
            [
                applies(1),
                lambda c: c.get("actionTypes"),
                lambda c: c.get("objects", "Ticket", "T-1"),
            ],
            [200, 200, 503],
        ),
        ("status:endpoint=any", [applies(1), lambda c: c.get("actionTypes")], [503, 503]),
        (
            "missing:action=close-ticket,endpoint=any",
            [
                applies(1),
                lambda c: c.get("actionTypes", "create-ticket"),
                lambda c: c.get("actionTypes", "close-ticket"),
                lambda c: c.apply("close-ticket", {}),
            ],
            [200, 200, 404, 404],
        ),
        ("status:share=0", [applies(1)], [200]),
    ],
)
async def test_a_fault_meets_what_its_scope_says(
    caller: Caller, foundry: Foundry, fault: str, calls: list[Call], statuses: list[int]
) -> None:
    foundry.faults.switch_on(parse_fault(fault))

    assert [(await call(caller)).status for call in calls] == statuses


async def test_a_key_meets_a_batch_that_carries_it(caller: Caller, foundry: Foundry) -> None:
    foundry.faults.switch_on(parse_fault("status:key=T-2"))

    without = await caller.batch("create-ticket", [ticket(0), ticket(1)])
    carrying = await caller.batch("create-ticket", [ticket(3), ticket(2)])

    assert (without.status, carrying.status) == (200, 503)


def test_a_fault_is_over_after_its_duration() -> None:
    now = 10.0
    faults = Faults([parse_fault("status:duration=5")], clock=lambda: now)

    def met() -> bool:
        return faults.meet("actions", "a", [], 1)[1] is not None

    first = met()
    now = 14.9
    last = met()
    now = 15.0
    after = met()

    assert (first, last, after) == (True, True, False)


def test_chance_is_seeded() -> None:
    def meetings(seed: int) -> list[bool]:
        faults = Faults([parse_fault("status:share=0.3")], seed=seed)
        return [faults.meet("actions", "a", [], 1)[1] is not None for _ in range(1000)]

    assert meetings(1) == meetings(1)
    assert meetings(1) != meetings(2)
    assert 250 < sum(meetings(1)) < 350


def test_latencies_add_up_and_the_first_other_fault_wins() -> None:
    texts = ["latency:seconds=1", "status:status=500", "latency:seconds=2", "cut"]
    faults = Faults([parse_fault(text) for text in texts])

    delay, switched = faults.meet("actions", "a", [], 1)

    assert delay == 3
    assert switched is not None
    assert switched.fault == Fault("status", status=500)


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "status:colour=red", "status:share=2", "status:share=x", "cut:when=now"],
)
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|float"):
        parse_fault(text)
