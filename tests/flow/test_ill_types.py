"""One action type is ill, in a way that looks like the end of the world: the others go on all the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from consumer.outcomes import Answer, Outage, Outcome, Unknown
from tests.fakes.foundry import Down
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

MINUTES = 300.0
LOST = Unknown(Answer("timeout"), gate="timeouts")
LOOKS_LIKE_ALL: dict[str, Outcome] = {
    "404 of a gateway": Outage(Answer("http_404", status=404), "wrong_host", everywhere=True),
    "no connection": Outage(Answer("connect_timeout"), "unreachable", everywhere=True),
    "400 of a gateway": Unknown(
        Answer("http_400", status=400), gate="not_foundry", everywhere=True
    ),
}


@pytest.mark.parametrize("way", LOOKS_LIKE_ALL)
def test_law_6_what_one_type_meets_alone_stops_no_other(way: str) -> None:
    """Each of its requests closed the gate for all again, and the next probe of another opened it for a moment."""

    async def story(world: World) -> None:
        first = world.start()
        ends = world.loop.time() + MINUTES
        world.foundry.downs.append(Down(ends, "ill", answer=LOOKS_LIKE_ALL[way]))
        waits = []
        while world.loop.time() < ends:
            world.produce(1, action="ill")
            for _ in range(20):
                (well,) = world.produce(1, action="well")
                began = world.loop.time()
                await asyncio.sleep(1)
                waits.append(world.truth.settled.get(well, world.loop.time() + 60) - began)

        late = [wait for wait in waits if wait > 1]
        assert len(late) <= 5
        assert first.watch.gates[-1].startswith("closed ill")

    simulate(story)


def test_law_6_what_all_types_meet_closes_for_all() -> None:
    """The other side of the same judgement: what was well before the outage says nothing of it."""

    async def story(world: World) -> None:
        first = world.start()
        for _ in range(20):
            world.produce(1, action="a")
            world.produce(1, action="b")
            await asyncio.sleep(0.1)
        gone = Outage(Answer("connect_timeout"), "unreachable", everywhere=True)
        world.foundry.downs.append(Down(world.loop.time() + 60, None, answer=gone))
        for _ in range(20):
            world.produce(1, action="a")
            world.produce(1, action="b")
            await asyncio.sleep(0.1)

        assert first.watch.gates == ["closed all unreachable"]

    simulate(story)


@pytest.mark.parametrize(
    ("limits", "partitions"),
    [
        ({"max_records": 400}, 3),
        ({"max_bytes": 40_000}, 3),
        pytest.param({"max_records": 400}, 9, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_law_6_what_waits_for_one_type_leaves_room_for_the_others(
    limits: dict[str, int], partitions: int
) -> None:
    """It filled the memory: partitions that had nothing of it stood still for as long as the type was closed."""
    missing = Outage(Answer("ActionTypeNotFound", status=404), "missing_action")

    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + MINUTES, "ill", answer=missing))
        for partition in range(partitions):
            world.produce(1_000, action="ill", partition=partition)
        first = world.start()
        await asyncio.sleep(10)
        well = world.produce(60, action="well", partition=partitions)
        await asyncio.sleep(60)

        assert first.watch.gates == ["closed ill missing_action"]
        assert world.truth.settled.keys() >= set(well)

    simulate(story, partitions=partitions + 1, limits=replace(LIMITS, **limits))


def test_what_waits_for_one_type_may_fill_all_the_room_where_nobody_else_needs_it() -> None:
    """Of each partition something waits: then all are read on, for what may come of the others."""
    missing = Outage(Answer("ActionTypeNotFound", status=404), "missing_action")

    async def story(world: World) -> None:
        world.foundry.downs.append(Down(world.loop.time() + MINUTES, "ill", answer=missing))
        world.produce(300, action="ill")
        world.start()
        await asyncio.sleep(10)
        (well,) = world.produce(1, action="well")
        await asyncio.sleep(10)

        assert well in world.truth.settled

    simulate(story, limits=replace(LIMITS, max_records=400))


@pytest.mark.parametrize("ill", [1, 6])
def test_law_6_probes_that_hang_leave_a_place_to_what_is_well(ill: int) -> None:
    """Every four seconds another one looked, and each held its place for fifteen: of few places none was left."""

    async def story(world: World) -> None:
        until, types = world.loop.time() + MINUTES, [f"ill {number}" for number in range(ill)]
        for each in types:
            silent = Down(until, each, answer=LOST, after=LIMITS.request_timeout)
            world.foundry.downs.append(silent)
            world.produce(50, action=each, batch=1)
        first = world.start()
        await world.until(lambda: len(first.watch.gates) == ill)
        await asyncio.sleep(LIMITS.request_timeout)  # what was on its way before has ended
        for _ in range(100):
            (well,) = world.produce(1, action="well")
            await asyncio.sleep(1)
            assert well in world.truth.settled

    simulate(story)
