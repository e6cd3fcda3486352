"""Signals: one stops in order, two at once, whatever the loop does."""

from __future__ import annotations

import signal

import pytest

from tests.app.programs import ended, heard, program

PROGRAM = """
import asyncio, os, time
from consumer.app.signals import StopSignals

async def main():
    stop = asyncio.Event()
    signals.call(stop.set)
    print("ready", flush=True)
    {blocked}
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep({linger})

# Not by print: the signal may come within one, and a buffer is not entered twice.
with StopSignals(lambda: os.write(1, b"asked\\n")) as signals:
    {before}
    asyncio.run(main())
"""
BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@BOTH
def test_one_signal_stops_in_order(number: signal.Signals) -> None:
    with program(PROGRAM.format(blocked="", before="", linger=0)) as child:
        assert heard(child) == "ready"
        child.send_signal(number)

        assert [heard(child), heard(child)] == ["asked", "stopping"]
        assert ended(child)[0] == 0


@BOTH
def test_a_second_signal_ends_the_process_at_once_with_1(number: signal.Signals) -> None:
    with program(PROGRAM.format(blocked="", before="", linger=60)) as child:
        for said in ("ready", "stopping"):
            while heard(child) != said:
                pass
            child.send_signal(number)

        code, last = ended(child)
    assert code == 1
    assert "stopped at once" in last


def test_a_signal_is_heard_while_the_loop_is_blocked_and_so_is_a_second_one() -> None:
    """The bound of the stop begins, though nothing of the loop runs."""
    with program(PROGRAM.format(blocked="time.sleep(60)", before="", linger=0)) as child:
        assert heard(child) == "ready"
        child.send_signal(signal.SIGTERM)
        assert heard(child) == "asked"
        child.send_signal(signal.SIGTERM)

        assert ended(child)[0] == 1


def test_a_signal_before_there_is_a_loop_is_not_forgotten() -> None:
    before = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    with program(PROGRAM.format(blocked="", before=before, linger=0)) as child:
        assert [heard(child) for _ in range(3)] == ["asked", "ready", "stopping"]
        assert ended(child)[0] == 0
