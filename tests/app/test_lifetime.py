"""The lifetime of the core: how it stops, how long that may take, and runs that end by themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import pytest

import consumer
from consumer.app.lifetime import Ends, Lifetime
from consumer.errors import StartRefused, Unavailable
from consumer.model import Partition
from tests import virtual_time

HERE = Partition("tickets", 0)
ROOT = Path(consumer.__file__).parent.parent


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
        return all(self.watermark >= end for end in ends.values())


def nothing() -> None:
    return None


def in_virtual_time(
    core: Callable[[], FakeCore],
    *,
    ends: int | None = None,
    within: float | None = None,
    stop_after: float | None = None,
) -> tuple[bool, float, FakeCore]:
    """What the run answered, how many seconds it took, and the core afterwards."""

    async def offsets(partitions: Collection[Partition]) -> Mapping[Partition, int]:
        now = asyncio.get_running_loop().time()
        if now - began[0] < 3:
            raise Unavailable("no broker tells")
        return dict.fromkeys(partitions, ends or 0)

    began: list[float] = []

    async def main() -> tuple[bool, float, FakeCore]:
        loop = asyncio.get_running_loop()
        began.append(loop.time())
        made = core()
        lifetime = Lifetime(made, nothing, grace=25)
        if stop_after is not None:
            loop.call_later(stop_after, lifetime.stop)
        until = None if ends is None else Ends(made.assigned, offsets, within)
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


def test_a_stop_takes_no_longer_than_its_grace() -> None:
    answer, took, core = in_virtual_time(lambda: FakeCore(drain=1000), stop_after=5)

    assert not answer
    assert took == pytest.approx(30)
    assert core.cancelled


def test_a_run_to_the_end_stops_by_itself_once_all_is_settled() -> None:
    answer, took, _ = in_virtual_time(FakeCore, ends=60)

    assert answer
    assert took == pytest.approx(61, abs=0.5)


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
        lifetime = Lifetime(FakeCore(), lambda: said.append(1), grace=25)
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


PROGRAM = """
import asyncio
from consumer.app.lifetime import stopped_by_signals

async def main():
    stop = asyncio.Event()
    with stopped_by_signals(stop.set):
        print("ready", flush=True)
        await stop.wait()
        print("stopping", flush=True)
        await asyncio.sleep({linger})
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("linger", "signals", "code"), [(0, 1, 0), (60, 2, 1)])
def test_one_signal_stops_gracefully_and_a_second_one_at_once(
    number: signal.Signals, linger: int, signals: int, code: int
) -> None:
    with subprocess.Popen(  # noqa: S603 -- our own program
        [sys.executable, "-c", PROGRAM.format(linger=linger)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout is not None
        for heard in ("ready\n", "stopping\n")[:signals]:
            assert child.stdout.readline() == heard
            child.send_signal(number)

        assert child.wait(timeout=20) == code
