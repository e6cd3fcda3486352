"""The loop of the simulation, tested before anything is believed that runs on it."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests import virtual_time
from tests.virtual_time import Overdue, Stuck, VirtualLoop


def this_loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def test_a_day_passes_at_once() -> None:
    async def sleep_a_day() -> float:
        before = this_loop().time()
        await asyncio.sleep(86_400)
        return this_loop().time() - before

    began = time.perf_counter()

    assert virtual_time.run(sleep_a_day()) == pytest.approx(86_400)
    assert time.perf_counter() - began < 5


def test_timers_fire_in_the_order_of_their_times() -> None:
    fired: list[float] = []

    async def note(delay: float) -> None:
        await asyncio.sleep(delay)
        fired.append(delay)

    async def main() -> None:
        await asyncio.gather(*(note(delay) for delay in (3.0, 1.0, 2.0)))

    virtual_time.run(main())

    assert fired == [1.0, 2.0, 3.0]


def test_a_deadlock_is_told_with_the_place_where_each_task_waits() -> None:
    async def wait_for_nobody() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="wait_for_nobody"):
        virtual_time.run(wait_for_nobody())


def test_a_loop_that_never_waits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "BUSY_STEPS", 1_000)

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="no time has passed"):
        virtual_time.run(spin())


def test_the_limit_is_one_of_virtual_time() -> None:
    with pytest.raises(Overdue):
        virtual_time.run(asyncio.sleep(100), until=99)
    virtual_time.run(asyncio.sleep(100), until=101)


def test_an_error_in_a_callback_ends_the_run() -> None:
    async def main() -> None:
        this_loop().call_later(1, lambda: 1 // 0)
        await asyncio.sleep(2)

    with pytest.raises(ZeroDivisionError):
        virtual_time.run(main())


def test_a_seed_decides_the_order_of_what_is_ready_and_nothing_else() -> None:
    async def main() -> list[int]:
        order: list[int] = []

        async def note(number: int) -> None:
            order.append(number)

        await asyncio.gather(*(note(number) for number in range(8)))
        return order

    orders = [virtual_time.run(main(), seed=seed) for seed in (None, 1, 2, 1)]

    assert orders[0] == list(range(8))
    assert orders[1] != orders[2]
    assert orders[1] == orders[3]
    assert all(sorted(order) == list(range(8)) for order in orders)


def test_a_frozen_host_takes_no_step_and_goes_on_when_thawed() -> None:
    async def main() -> list[float]:
        loop, seen = this_loop(), list[float]()
        host = loop.host("a")

        async def tick() -> None:
            while True:
                await asyncio.sleep(1)
                seen.append(loop.time() - virtual_time.START)

        ticking = loop.create_task(tick(), context=host.context)
        await asyncio.sleep(2.5)
        host.frozen = True
        await asyncio.sleep(7.25)
        loop.thaw(host)
        await asyncio.sleep(1.5)
        assert not ticking.done()
        return seen

    assert virtual_time.run(main()) == pytest.approx([1, 2, 9.75, 10.75])


def test_children_of_a_host_are_frozen_with_it() -> None:
    async def main() -> list[str]:
        loop, seen = this_loop(), list[str]()
        host = loop.host("a")

        async def child() -> None:
            await asyncio.sleep(2)
            seen.append("child")

        async def parent() -> None:
            await asyncio.gather(child(), child())

        parents = loop.create_task(parent(), context=host.context)
        await asyncio.sleep(1)
        host.frozen = True
        await asyncio.sleep(10)
        assert not parents.done()
        return seen

    assert virtual_time.run(main()) == []


@pytest.mark.parametrize("step", range(1, 5))
def test_an_alarm_rings_before_the_named_step(step: int) -> None:
    async def main() -> int:
        loop, taken = this_loop(), 0
        host = loop.host("a")

        async def walk() -> None:
            nonlocal taken
            while True:
                taken += 1
                await asyncio.sleep(1)

        host.alarm_at = 2 * step - 1  # a timer and a wake-up make each turn
        host.alarm = lambda: setattr(host, "frozen", True)
        walking = loop.create_task(walk(), context=host.context)
        await asyncio.sleep(100)
        assert not walking.done()
        return taken

    assert virtual_time.run(main()) == step - 1


def test_what_outlives_the_main_coroutine_is_cancelled_and_awaited() -> None:
    ended: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            ended.append("tidied")

    async def main() -> None:
        task = asyncio.ensure_future(linger())
        await asyncio.sleep(0)
        assert not task.done()

    virtual_time.run(main())

    assert ended == ["tidied"]
