"""One record's trouble is its own: others of its action type go on, and it ends as a letter."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Conflicted, Outage, Outcome, Unknown
from consumer.state.limits import Retry
from tests.fakes.foundry import Down
from tests.fakes.log import Coordinate
from tests.flow.laws import letters_of
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, RETRY, World

HANG = LIMITS.request_timeout
WAYS: dict[str, dict[str, Any]] = {
    "409": {"ill": Conflicted(Answer("ObjectChanged", status=409))},
    "403": {"ill": Outage(Answer("EditObjectPermissionDenied", status=403), "forbidden")},
    "500": {"ill": Unknown(Answer("http_500", status=500), answered=True, gate="failing")},
    "timeout": {"ill": Unknown(Answer("timeout"), gate="timeouts"), "ill_after": HANG},
    "html 200": {
        "ill": Unknown(Answer("not_json", status=200), gate="not_foundry", everywhere=True)
    },
}


def ends_as(repeat: Repeat, outcome: Outcome) -> str:
    """A harmful one whose outcome is unknown is not tried again."""
    return "unknown" if repeat is Repeat.NEVER and isinstance(outcome, Unknown) else "exhausted"


async def steady(
    world: World, seconds: float, every: float, count: int, **spec: Any
) -> dict[Coordinate, float]:
    """Others of the type, each by itself, and when they came."""
    came: dict[Coordinate, float] = {}
    for _ in range(round(seconds / every)):
        came |= dict.fromkeys(world.produce(count, **spec), world.loop.time())
        await asyncio.sleep(every)
    return came


def late(world: World, came: dict[Coordinate, float], after: float) -> list[Coordinate]:
    settled = world.truth.settled
    return [record for record, at in came.items() if settled.get(record, 1e9) - at > after]


@pytest.mark.parametrize("batch", [1, 20])
@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize("way", WAYS)
def test_law_6_an_ill_record_is_a_letter_and_the_others_go_on_as_if_nothing_were(
    way: str, repeat: Repeat, batch: int
) -> None:
    spec: dict[str, Any] = {"repeat": repeat, "batch": batch}

    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        before = await steady(world, 2, 0.25, 2, **spec)
        (ill,) = world.produce(1, lane="ill", **spec, **WAYS[way])
        behind = world.produce(3, lane="ill", **spec)
        # A harmful one takes its settle time after each try.
        seconds, every = (200, 1.0) if way == "timeout" or repeat is Repeat.ASK else (30, 0.25)
        came = before | await steady(world, seconds, every, 2, **spec)
        await world.settled(within=60)

        assert ill in letters_of(world.truth, ends_as(repeat, WAYS[way]["ill"]))
        assert all(map(world.truth.executed, behind))
        # Who shared its request shares its fate, once.
        shared = batch - 1 if way == "timeout" or repeat.claimed else 0
        others = late(world, came, 2.0)
        assert len(others) <= shared
        if ends_as(repeat, WAYS[way]["ill"]) == "exhausted":
            assert world.truth.letters.keys() == {ill}
            assert not first.watch.gates
        else:
            assert len(world.truth.letters) <= batch

    simulate(story)


@pytest.mark.parametrize("way", ["403", "500"])
@pytest.mark.parametrize("every", [0.7, 3.0, 20.0])
def test_law_6_the_others_do_not_wait_even_where_there_is_little_to_compare(
    way: str, every: float
) -> None:
    """The gate may close on one record alone, for it may be an outage: then the next one looks at once."""

    async def story(world: World) -> None:
        first = world.start()
        (ill,) = world.produce(1, **WAYS[way])
        await world.until(lambda: bool(first.watch.gates))
        await asyncio.sleep(world.rng.uniform(5, 15))
        came = await steady(world, 12 * every, every, 1)
        await world.settled(within=60)

        assert letters_of(world.truth, "exhausted") == [ill]
        assert not late(world, came, 1.2)

    for seed in range(4):
        simulate(story, seed=seed)


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.NEVER])
@pytest.mark.parametrize("way", ["403", "500"])
def test_law_6_an_ill_record_is_not_what_a_closed_gate_is_probed_with_for_ever(
    way: str, repeat: Repeat
) -> None:
    async def story(world: World) -> None:
        world.produce(6, **WAYS[way], repeat=repeat, batch=1)
        first = world.start()
        await world.until(lambda: bool(first.watch.gates), within=30)
        await asyncio.sleep(30)
        well = world.produce(20, repeat=repeat, batch=1)
        await world.until(lambda: all(map(world.truth.executed, well)), within=90)

    simulate(story)


def test_law_6_after_an_outage_the_gate_is_not_probed_with_what_is_known_to_be_ill() -> None:
    async def story(world: World) -> None:
        world.start()
        world.produce(1, **WAYS["500"])
        await steady(world, 10, 0.25, 1)
        ends = world.loop.time() + 30
        world.foundry.downs.append(Down(ends, "set", gate="failing"))
        well = world.produce(20)
        await asyncio.sleep(30)
        await world.until(lambda: all(map(world.truth.executed, well)), within=5)

    simulate(story, retry=Retry(initial=0.5, maximum=5.0, attempts=50))


def test_law_6_an_outage_is_not_taken_for_one_records_trouble() -> None:
    """A single record that waits for the end of an outage closes the gate as well: somebody may have to act."""

    async def story(world: World) -> None:
        (record,) = world.produce(1, **WAYS["403"])
        first = world.start()
        await asyncio.sleep(600)

        assert first.watch.gates == ["closed set forbidden"]
        assert record not in world.truth.settled
        assert not world.truth.letters
        world.truth.log.specs[record] = replace(world.truth.log.specs[record], ill=None)
        await world.settled(within=5)

    simulate(story)


def test_law_6_an_object_that_alone_cannot_be_read_back_is_a_letter() -> None:
    """Its lane would else wait for ever."""

    async def story(world: World) -> None:
        world.start()
        (ill,) = world.produce(1, repeat=Repeat.ASK, lane="ill", batch=1, **WAYS["500"])
        behind = world.produce(3, repeat=Repeat.ASK, lane="ill", batch=1)
        world.foundry.unreadable.add(ill)
        world.foundry.cuts_after = 0.2
        await steady(world, 400, 1.0, 1, repeat=Repeat.ASK, batch=1)
        world.foundry.cuts_after = 0.0
        await world.settled(within=120)

        assert world.truth.letters.keys() == {ill}
        assert ill in letters_of(world.truth, "unknown")
        assert all(map(world.truth.executed, behind))

    simulate(story)


def test_law_6_an_outage_of_reads_makes_no_letters_though_actions_fare_well() -> None:
    async def story(world: World) -> None:
        world.start()
        world.foundry.cuts_after = 0.2
        world.foundry.reads_down_until = world.loop.time() + 300
        await steady(world, 300, 1.0, 1, repeat=Repeat.ASK, batch=1)
        world.foundry.cuts_after = 0.0
        await world.settled(within=120)

        assert not world.truth.letters

    simulate(story)


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.CREATE, Repeat.ASK])
def test_law_6_an_outage_makes_no_letters_though_one_try_is_allowed(repeat: Repeat) -> None:
    """One failure alone does not tell an ill record from an ill world."""

    async def story(world: World) -> None:
        world.start()
        await steady(world, 10, 0.5, 2, repeat=repeat, batch=1)
        now, answer = world.loop.time(), WAYS["500"]["ill"]
        world.foundry.downs.append(Down(now + 100, None, answer=answer))
        world.foundry.reads_down_until = now + 150
        await steady(world, 200, 5.0, 2, repeat=repeat, batch=1)
        await world.settled(within=60)

        assert not world.truth.letters

    simulate(story, retry=replace(RETRY, attempts=1))


def test_law_2_a_bug_in_reading_back_is_that_records_trouble() -> None:
    async def story(world: World) -> None:
        first = world.start()
        world.foundry.bug_in_reading = True
        (record,) = world.produce(1, repeat=Repeat.ASK, batch=1, **WAYS["500"])
        await steady(world, 120, 1.0, 1)
        await world.settled(within=120)

        assert letters_of(world.truth, "unknown") == [record]
        assert first.running

    simulate(story)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("repeat", list(Repeat))
def test_what_hangs_or_is_cut_after_it_was_applied_ends_as_repeat_says(
    repeat: Repeat, seed: int
) -> None:
    """5 % hang and 2 % are cut, all of them applied."""

    async def story(world: World) -> None:
        world.foundry.hangs_after, world.foundry.cuts_after = 0.05, 0.02
        for _ in range(60):
            world.produce(5, repeat=repeat, batch=1)
            await asyncio.sleep(0.5)
        world.start()
        await world.settled(resumed=False, within=1_200)

        unknown = letters_of(world.truth, "unknown")
        assert bool(unknown) == (repeat is Repeat.NEVER)
        assert set(world.truth.letters) == set(unknown)
        times = [len(found) for found in world.truth.effects_of.values()]
        assert len(times) == 300
        assert (max(times) > 1) == (repeat is Repeat.SAFE)

    simulate(story, seed=seed)
