"""The lifetime of the core: how it stops, how long that may take, and runs that end by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping

import pytest

from consumer.app.lifetime import Ends, Lifetime
from consumer.errors import StartRefused, Unavailable
from consumer.model import Partition
from tests import virtual_time

HERE, ELSEWHERE = Partition("tickets", 0), Partition("tickets", 1)


class FakeCore:
    """Settles one offset a second; needs `drain` seconds to stop, and must not be stopped twice."""

    def __init__(self, *, drain: float = 1.0, complete: bool = True) -> None:
        self._drain, self._complete = drain, complete
        self._stop = asyncio.Event()
        self._began = asyncio.get_running_loop().time()
        self.cancelled = False

    async def run(self) -> bool:
        try:
            await self._stop.wait()
            await asyncio.sleep(self._drain)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return self._complete

    def stop(self) -> None:
        assert not self._stop.is_set()
        self._stop.set()

    @property
    def watermark(self) -> int:
        return int(asyncio.get_running_loop().time() - self._began)

    def assigned(self) -> Collection[Partition]:
        """Nothing in the first two seconds."""
        return [HERE] if self.watermark > 1 else []

    def reached(self, ends: Mapping[Partition, int]) -> bool:
        assert set(ends) <= set(self.assigned())
        return all(self.watermark >= end for end in ends.values())


def nothing(*_: float) -> None:
    return None


def in_virtual_time(
    core: Callable[[], FakeCore],
    *,
    ends: int | None = None,
    within: float | None = None,
    stop_after: float | None = None,
    shared: bool = False,
) -> tuple[bool, float, FakeCore]:
    """What the run answered, how many seconds it took, and the core afterwards."""

    async def offsets(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        now = asyncio.get_running_loop().time()
        if now - began[0] < 3:
            raise Unavailable("no broker tells")
        return dict.fromkeys(partitions, ends or 0)

    async def committed(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        assert set(partitions) == {ELSEWHERE}
        now = asyncio.get_running_loop().time()
        if now - began[0] < 70:
            raise Unavailable("the group is silent")
        return {} if now - began[0] < 80 else {ELSEWHERE: int(now - began[0]) - 40}

    everywhere = [HERE, ELSEWHERE] if shared else [HERE]
    began: list[float] = []

    async def main() -> tuple[bool, float, FakeCore]:
        loop = asyncio.get_running_loop()
        began.append(loop.time())
        made = core()
        lifetime = Lifetime(made, nothing, nothing, grace=25)
        if stop_after is not None:
            loop.call_later(stop_after, lifetime.stop)
        until = None
        if ends is not None:
            until = Ends(lambda: everywhere, made.assigned, offsets, committed, within)
        answer = await lifetime.run(until)
        return answer, loop.time() - began[0], made

    return virtual_time.run(main())


def test_a_stop_waits_for_what_the_core_still_has_to_do() -> None:
    answer, took, core = in_virtual_time(lambda: FakeCore(drain=20), stop_after=5)

    assert answer
    assert took == pytest.approx(25)
    assert not core.cancelled


def test_a_stop_that_left_something_undone_is_no_success() -> None:
    answer, _, _ = in_virtual_time(lambda: FakeCore(complete=False), stop_after=5)

    assert not answer


def test_a_core_that_does_not_end_is_cancelled_early_enough_to_close_within_the_grace() -> None:
    answer, took, core = in_virtual_time(lambda: FakeCore(drain=1000), stop_after=5)

    assert not answer
    assert took == pytest.approx(5 + 25 - 2)
    assert core.cancelled


@pytest.mark.parametrize("ask", [Lifetime.stop, Lifetime.fail])
def test_the_process_is_bound_to_the_grace_from_the_moment_that_it_is_asked_to_stop(
    ask: Callable[[Lifetime], None],
) -> None:
    async def main() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        began, bounds = loop.time(), list[tuple[float, float]]()
        lifetime = Lifetime(
            FakeCore(), nothing, lambda s: bounds.append((loop.time() - began, s)), grace=25
        )
        loop.call_later(7, ask, lifetime)
        await lifetime.run()
        return bounds

    assert virtual_time.run(main())[0] == (7, 25)


def test_a_stop_because_of_a_fault_is_no_success_however_well_it_goes() -> None:
    async def main() -> bool:
        lifetime = Lifetime(FakeCore(), nothing, nothing, grace=25)
        asyncio.get_running_loop().call_later(5, lifetime.fail)
        return await lifetime.run()

    assert not virtual_time.run(main())


def test_a_run_to_the_end_stops_by_itself_once_all_is_settled() -> None:
    answer, took, _ = in_virtual_time(FakeCore, ends=60)

    assert answer
    assert took == pytest.approx(61, abs=0.5)


def test_a_run_to_the_end_waits_for_what_another_member_has_until_that_has_committed_it() -> None:
    """Else it would end too early, or where the other one stays never."""
    answer, took, _ = in_virtual_time(FakeCore, ends=60, shared=True)

    assert answer
    assert took == pytest.approx(40 + 60 + 1, abs=1.5)


def test_a_member_that_the_group_gave_nothing_ends_when_the_others_are_there() -> None:
    class Idle(FakeCore):
        def assigned(self) -> Collection[Partition]:
            return []

    async def all_of_it(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        now = asyncio.get_running_loop().time() - began[0]
        return dict.fromkeys(partitions, int(now))

    async def ends_at(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 30)

    began: list[float] = []

    async def main() -> tuple[bool, float]:
        loop = asyncio.get_running_loop()
        began.append(loop.time())
        ends = Ends(lambda: [HERE, ELSEWHERE], list, ends_at, all_of_it, None)
        return await Lifetime(Idle(), nothing, nothing, grace=25).run(ends), loop.time() - began[0]

    answer, took = virtual_time.run(main())
    assert answer
    assert took == pytest.approx(31, abs=1.5)


def test_a_run_that_does_not_get_to_the_end_in_time_stops_and_is_no_success() -> None:
    answer, took, core = in_virtual_time(FakeCore, ends=60, within=10)

    assert not answer
    assert took == pytest.approx(11)
    assert not core.cancelled


def test_a_signal_before_the_end_is_a_graceful_stop_and_a_success() -> None:
    answer, took, _ = in_virtual_time(FakeCore, ends=60, within=1000, stop_after=5)

    assert answer
    assert took == pytest.approx(6)


def test_what_was_kept_back_is_summed_up_now_and_then() -> None:
    async def main() -> int:
        said: list[int] = []
        lifetime = Lifetime(FakeCore(), lambda: said.append(1), nothing, grace=25)
        asyncio.get_running_loop().call_later(100, lifetime.stop)
        await lifetime.run()
        return len(said)

    assert virtual_time.run(main()) == 3


def test_a_core_that_fails_ends_the_run_with_its_error() -> None:
    class Failing(FakeCore):
        async def run(self) -> bool:
            await asyncio.sleep(3)
            raise StartRefused("no topic")

    with pytest.raises(BaseExceptionGroup) as caught:
        in_virtual_time(Failing, ends=60)

    assert caught.value.subgroup(StartRefused) is not None
