"""Lag of the loop: one line when it is late, and no trust in the membership after it stood still."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field

import pytest

from consumer.app.loop_lag import LoopLag
from consumer.app.watched import WatchedSource
from tests import virtual_time
from tests.fakes.leased import LeasedSource

SESSION = 45.0


@dataclass
class Blocked:
    """A clock beside the loop's: what blocks a loop, or puts the machine to sleep, makes it jump."""

    jumped: float = 0.0
    distrusted: list[float] = field(default_factory=list)
    beats: int = 0

    def now(self) -> float:
        return asyncio.get_running_loop().time() + self.jumped

    def jump(self, seconds: float) -> None:
        self.jumped += seconds


def lived(*jumps: tuple[float, float], lasts: float = 100.0) -> Blocked:
    """A loop for that many seconds, blocked at these times for so long."""

    async def main() -> Blocked:
        clock, loop = Blocked(), asyncio.get_running_loop()
        began = loop.time()

        def beat() -> None:
            clock.beats += 1

        lag = LoopLag(
            clock.now,
            beat,
            lambda: clock.distrusted.append(loop.time() - began),
            session_timeout=SESSION,
        )
        for at, seconds in jumps:
            loop.call_later(at, clock.jump, seconds)
        running = asyncio.create_task(lag.run())
        await asyncio.sleep(lasts)
        running.cancel()
        return clock

    return virtual_time.run(main())


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    return [(each.getMessage(), each.__dict__["fields"]) for each in caplog.records]


def test_a_loop_that_turns_beats_and_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    clock = lived()

    assert 900 < clock.beats <= 1000
    assert not said(caplog)
    assert not clock.distrusted


@pytest.mark.parametrize(("lag", "lines"), [(0.9, 0), (1.0, 1), (22.0, 1)])
def test_a_second_of_lag_is_one_line(
    lag: float, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = lived((10, lag))

    assert [event for event, _ in said(caplog)] == ["the event loop is late"] * lines
    assert not clock.distrusted


def test_lag_that_goes_on_is_summed_up(caplog: pytest.LogCaptureFixture) -> None:
    lived(*((at, 2.0 if at == 20 else 1.1) for at in range(10, 60)))

    fields = [fields for _, fields in said(caplog)]
    assert sum(int(str(each["times"])) for each in fields) >= 45
    assert len(fields) == 4
    assert fields[1]["seconds"] == 2.0


def test_from_half_the_session_timeout_on_the_membership_is_distrusted_and_it_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = lived((10, 2.0), (12, SESSION / 2))

    assert clock.distrusted == [pytest.approx(12, abs=0.2)]
    assert [event for event, _ in said(caplog)] == [
        "the event loop is late",
        "the process stood still",
    ]
    assert caplog.records[-1].levelno == logging.ERROR


# What distrust means ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heartbeat", "trusted"),
    [(-1.0, False), (0.0, True), (3.0, True)],
    ids=["sent before", "sent with it", "sent after"],
)
def test_only_a_heartbeat_sent_since_proves_the_membership_again(
    heartbeat: float, *, trusted: bool
) -> None:
    """An answer that lay in a buffer while the process stood still is none."""

    async def main() -> float:
        clock = Blocked()
        inner = LeasedSource()
        source = WatchedSource(inner, clock, lease_length=30.0)
        inner.until = clock.now() - 1.0 + 30.0
        assert source.lease() == inner.until
        source.distrust()
        assert source.lease() == -math.inf
        inner.until = clock.now() + heartbeat + 30.0
        return source.lease()

    assert (virtual_time.run(main()) > 0) is trusted
