"""Every way in which Foundry fails, for minutes: no letters, few requests, and all goes on within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest

from consumer.model import Repeat
from consumer.outcomes import Answer, Outage, Outcome, Unknown
from tests.fakes.foundry import Down, Faults, Plan
from tests.flow.laws import letters_of
from tests.flow.process import Process
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

MINUTES = 180.0
SOON = 5.0
"""Seconds after the end of an outage in which work goes on."""

HANG = LIMITS.request_timeout
WAYS: dict[str, tuple[Outcome, float | None]] = {
    "503": (Outage(Answer("http_503", status=503), "overloaded", everywhere=True), None),
    "429 with a wait": (
        Outage(Answer("http_429", status=429, retry_after=2.0), "overloaded", everywhere=True),
        None,
    ),
    "refused": (Outage(Answer("refused"), "unreachable", everywhere=True), None),
    "401": (Outage(Answer("Unauthorized", status=401), "token", everywhere=True), None),
    "403": (Outage(Answer("PermissionDenied", status=403), "forbidden"), None),
    "missing": (Outage(Answer("ActionTypeNotFound", status=404), "missing_action"), None),
    "login page": (Outage(Answer("http_302", status=302), "redirected", everywhere=True), None),
    "html 200": (
        Unknown(Answer("not_json", status=200), gate="not_foundry", everywhere=True),
        None,
    ),
    "500": (Unknown(Answer("http_500", status=500), answered=True, gate="failing"), None),
    "200 that cannot be read": (
        Unknown(Answer("unreadable", status=200), answered=True, gate="failing"),
        None,
    ),
    "504": (Unknown(Answer("http_504", status=504), gate="failing"), None),
    "cut": (Unknown(Answer("reset"), gate="timeouts"), None),
    "timeout": (Unknown(Answer("timeout"), gate="timeouts"), HANG),
    "no connection": (Outage(Answer("connect_timeout"), "unreachable", everywhere=True), HANG),
}


def most_in_a_second(arrivals: Iterable[float]) -> int:
    times = sorted(arrivals)
    return max((sum(at <= then < at + 1 for then in times) for at in times), default=0)


def closed_at(process: Process) -> float:
    return next(
        at
        for at, what in zip(process.watch.gates_at, process.watch.gates, strict=True)
        if what.startswith("closed")
    )


@pytest.mark.parametrize(
    ("repeat", "batch"), [*((repeat, 20) for repeat in Repeat), (Repeat.NEVER, 1)]
)
@pytest.mark.parametrize("way", WAYS)
def test_law_6_an_outage_of_any_kind_makes_no_letters_and_few_requests_and_ends_by_itself(
    way: str, repeat: Repeat, batch: int
) -> None:
    answer, after = WAYS[way]

    async def story(world: World) -> None:
        first = world.start()
        for _ in range(10):
            world.produce(10, repeat=repeat, batch=batch)
            await asyncio.sleep(0.1)
        await world.settled(within=10)
        ends = world.loop.time() + MINUTES
        down = Down(ends, None, answer=answer, after=after)
        world.foundry.downs.append(down)
        for _ in range(60):
            world.produce(3, repeat=repeat, batch=batch)
            await asyncio.sleep(MINUTES / 60)

        closed = closed_at(first)
        # Those that the service had sent before it could know may be unknown, and no others.
        unknown = letters_of(world.truth, "unknown")
        assert set(world.truth.letters) == set(unknown)
        assert not unknown or repeat is Repeat.NEVER
        assert len(unknown) <= LIMITS.max_in_flight * batch
        assert all(world.truth.sent_at[record] < closed for record in unknown)
        probes = [at for at in world.foundry.arrivals if closed < at < ends]
        assert most_in_a_second(probes) <= 2
        assert all(later - at <= 4.0 + 1 + HANG for at, later in pairwise(probes))
        await world.until(
            lambda: bool(world.truth.effects and world.truth.effects[-1].at > ends),
            within=SOON,
            what="going on",
        )
        await world.until(lambda: first.watch.gates[-1].startswith("opened"), within=1)
        await world.settled(within=60)

    simulate(story)


@pytest.mark.parametrize("way", ["timeout", "no connection"])
def test_law_6_while_a_probe_hangs_somebody_looks_though_nothing_is_published(way: str) -> None:
    """What wakes the slots otherwise is a record that comes: in an outage none is read."""
    answer, after = WAYS[way]

    async def story(world: World) -> None:
        down = Down(world.loop.time() + MINUTES, None, answer=answer, after=after)
        world.foundry.downs.append(down)
        world.produce(100, batch=1)
        first = world.start()
        await world.until(lambda: bool(first.watch.gates))
        before = world.foundry.requests
        await world.until(lambda: world.foundry.requests > before)
        world.foundry.downs.clear()
        await world.until(lambda: bool(world.truth.effects), within=SOON, what="going on")

    simulate(story)


# Validation is answered, and real requests fail ---------------------------------------------------


@pytest.mark.parametrize("way", ["500", "504", "cut", "timeout"])
def test_law_6_where_validation_passes_and_requests_fail_one_at_a_time_is_risked(way: str) -> None:
    """Else each probe would send a full round of harmful requests, and make as many letters."""
    answer, after = WAYS[way]

    async def story(world: World) -> None:
        first = world.start()
        ends = world.loop.time() + MINUTES
        world.foundry.downs.append(Down(ends, None, answer=answer, after=after, validates=True))
        world.produce(400, repeat=Repeat.NEVER)
        await asyncio.sleep(MINUTES)

        closed = closed_at(first)
        trials = sorted(at for at in world.truth.settled.values() if at > closed + HANG)
        assert all(later - at >= 3.9 for at, later in pairwise(trials[4:]))
        assert len(trials) <= MINUTES / 4.0
        probes = [at for at in world.foundry.arrivals if closed + 1 < at < ends]
        assert most_in_a_second(probes) <= 2
        await world.until(
            lambda: bool(world.truth.effects and world.truth.effects[-1].at > ends),
            within=SOON + (HANG if way == "timeout" else 0),
            what="going on",
        )
        await world.settled(within=60, resumed=True)

    simulate(story, burst=1_000)


def test_law_6_one_at_a_time_is_risked_where_one_record_alone_failed_as_well() -> None:
    """Others may look for themselves, by validation; what is real may hang, and the next with it."""

    async def story(world: World) -> None:
        world.foundry.plans.append(Plan(None, 0.02, Unknown(Answer("cut"), gate="timeouts")))
        world.produce(1, repeat=Repeat.NEVER)
        first = world.start()
        await world.until(lambda: bool(first.watch.gates), within=5)
        answer, after = WAYS["timeout"]
        down = Down(world.loop.time() + MINUTES, None, answer=answer, after=after, validates=True)
        world.foundry.downs.append(down)
        for _ in range(60):
            world.produce(1, repeat=Repeat.NEVER)
            await asyncio.sleep(0.2)

            assert first.actions.in_flight <= 1

    simulate(story)


def test_law_6_what_is_risked_while_validation_passes_is_charged_and_so_bounded() -> None:
    async def story(world: World) -> None:
        first = world.start()
        answer, _ = WAYS["500"]
        down = Down(world.loop.time() + 900, None, answer=answer, validates=True)
        world.foundry.downs.append(down)
        world.produce(400, repeat=Repeat.NEVER, batch=1)
        await asyncio.sleep(900)

        assert len(letters_of(world.truth, "unknown")) <= LIMITS.max_in_flight + 20
        assert "closed all letter_budget" in first.watch.gates

    simulate(story, burst=20)


def test_law_6_a_success_of_a_real_request_opens_the_gate_for_all_of_its_type() -> None:
    async def story(world: World) -> None:
        lost = Unknown(Answer("cut"), gate="timeouts")
        world.foundry.plans.append(Plan(None, 0.02, lost))
        world.produce(1, repeat=Repeat.NEVER)
        first = world.start()
        await world.until(lambda: bool(first.watch.gates), within=5)
        rest = world.produce(200, repeat=Repeat.NEVER)
        await world.until(lambda: all(map(world.truth.executed, rest)), within=3)

        assert first.watch.gates == ["closed set timeouts", "opened set timeouts"]

    simulate(story)


# What is closed stops nothing else ---------------------------------------------------------------


@pytest.mark.parametrize("way", ["403", "missing", "500", "timeout"])
def test_law_6_one_action_types_trouble_does_not_stop_anothers(way: str) -> None:
    answer, after = WAYS[way]

    async def story(world: World) -> None:
        first = world.start()
        down = Down(world.loop.time() + 100, "ill", answer=answer, after=after)
        world.foundry.downs.append(down)
        world.produce(100, action="ill")
        await world.until(lambda: bool(first.watch.gates), within=60)
        for _ in range(30):
            (well,) = world.produce(1, action="well")
            await world.until(lambda: well in world.truth.settled, within=2)  # noqa: B023 - awaited here

    simulate(story, limits=replace(LIMITS, max_in_flight=6))


def test_law_6_a_refusal_for_one_types_sake_shows_that_the_rest_is_well() -> None:
    """Else the one type that is left to probe with would keep everything closed."""

    async def story(world: World) -> None:
        refused = Outage(
            Answer("ActionTypeNotFound", error_name="ActionTypeNotFound"), "missing_action"
        )
        unreachable, _ = WAYS["refused"]
        now = world.loop.time()
        world.foundry.downs.append(Down(now + 20, None, answer=unreachable))
        world.foundry.downs.append(Down(now + 200, "gone", answer=refused))
        world.produce(5, action="gone")
        first = world.start()
        await asyncio.sleep(60)

        assert "opened all unreachable" in first.watch.gates
        assert first.watch.gates[-1] == "closed gone missing_action"
        (well,) = world.produce(1, action="well")
        await world.until(lambda: well in world.truth.settled, within=1)

    simulate(story)


def test_law_6_what_no_record_can_cause_makes_no_letter_even_while_others_succeed() -> None:
    async def story(world: World) -> None:
        world.foundry.faults = Faults(throttled=0.6)
        world.start()
        for _ in range(100):
            world.produce(1, batch=1)
            await asyncio.sleep(0.2)
        await world.settled()

        assert not world.truth.letters

    for seed in range(3):
        simulate(story, seed=seed)


def test_a_longer_wait_is_kept_up_to_a_minute() -> None:
    async def story(world: World) -> None:
        busy = Outage(Answer("http_429", retry_after=600.0), "overloaded", everywhere=True)
        world.foundry.plans.append(Plan(None, 0.01, busy))
        (record,) = world.produce(1)
        world.start()
        began = world.loop.time()
        await world.settled(within=70)

        assert world.truth.settled[record] - began > 59

    simulate(story)


def test_while_all_is_closed_nothing_more_is_asked_for() -> None:
    async def story(world: World) -> None:
        answer, _ = WAYS["refused"]
        world.foundry.downs.append(Down(world.loop.time() + 60, None, answer=answer))
        world.produce(20)
        first = world.start()
        await asyncio.sleep(10)
        world.produce(200)
        await asyncio.sleep(30)

        where = world.partition(0)
        assert first.source.position(where) == world.log.start(where) + 20
        assert first.source.lease() > world.loop.time()
        await asyncio.sleep(30)
        await world.settled(within=SOON)

    simulate(story)
