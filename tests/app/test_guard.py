"""The guard: a process whose loop stands still ends, with 1 and a line that says where; a frozen one goes on."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.app.programs import ended, heard, program

PROGRAM = """
import asyncio, re, sys, time
from consumer.app.guard import Guard
from consumer.telemetry import configure_logging

def stuck_place(secret="{argument}"):
    {stuck}

async def main():
    print("ready", flush=True)
    for _ in range({beats}):
        await asyncio.sleep(0.1)
        guard.beat()
    {then}
    stuck_place()

configure_logging(level="info", format="json", secrets=lambda: [], stream=sys.stderr)
with Guard(stood_for={limit}) as guard:
    asyncio.run(main())
print("through", flush=True)
{after}
"""
ARGUMENT = "a text that nobody is to read"
FOR_EVER = """
    while True:
        pass"""


def written(
    stuck: str = "pass", *, beats: int = 2, limit: float = 1.0, then: str = "", after: str = ""
) -> str:
    return PROGRAM.format(
        argument=ARGUMENT, stuck=stuck, beats=beats, limit=limit, then=then, after=after
    )


@pytest.mark.parametrize(
    "stuck", ["time.sleep(60)", FOR_EVER], ids=["in the kernel", "in the interpreter"]
)
def test_a_loop_that_stands_still_ends_the_process_with_1_and_says_where_it_stood(
    stuck: str,
) -> None:
    with program(written(stuck)) as child:
        code, said = ended(child)

    last = json.loads(said.splitlines()[-1])
    assert code == 1
    assert last["level"] == "critical"
    assert last["event"] == "ended: the event loop stands still"
    assert "stuck_place < " in last["stack"]
    assert ARGUMENT not in said


def test_a_regular_expression_that_never_ends_is_ended_though_it_keeps_the_interpreter() -> None:
    """No thread of the interpreter runs any more: the kernel's timer shows the stack and kills."""
    with program(written('re.match("(a+)+$", "a" * 60 + "b")')) as child:
        code, said = ended(child)

    assert code == -signal.SIGPROF
    assert "in stuck_place" in said
    assert ARGUMENT not in said


def test_a_loop_that_turns_goes_on_for_longer_than_the_limit() -> None:
    with program(written(beats=25)) as child:
        assert ended(child)[0] == 0


@pytest.mark.slow
def test_a_process_that_was_frozen_for_longer_than_the_limit_goes_on() -> None:
    """The clock has jumped, and the loop has had no chance to beat."""
    with program(written(beats=20, limit=2.0)) as child:
        assert heard(child) == "ready"
        child.send_signal(signal.SIGSTOP)
        time.sleep(4)
        child.send_signal(signal.SIGCONT)

        assert ended(child)[0] == 0


def test_who_debugs_by_hand_is_left_alone() -> None:
    with program(written("import pdb; pdb.set_trace()", limit=1.0)) as child:
        assert heard(child) == "ready"
        with pytest.raises(Exception, match="timed out"):
            child.wait(timeout=3)


@pytest.mark.parametrize(
    "stuck", ["time.sleep(60)", 're.match("(a+)+$", "a" * 60 + "b")'], ids=["blocked", "computing"]
)
def test_a_loop_that_is_blocked_during_the_stop_does_not_outlast_its_bound(stuck: str) -> None:
    began = time.monotonic()
    with program(written(stuck, limit=30.0, then="guard.gone_within(1.5)")) as child:
        code, said = ended(child)

    assert code in (1, -signal.SIGPROF)
    assert "stuck_place" in said
    assert time.monotonic() - began < 15


def test_the_bound_holds_when_the_loop_is_over_and_the_interpreter_does_not_end() -> None:
    after = "import threading; threading.Thread(target=time.sleep, args=(60,)).start()"
    with program(written(then="guard.gone_within(1.5)", after=after)) as child:
        code, said = ended(child)

    assert code == 1
    assert "ended: the stop took too long" in said


def test_of_two_bounds_the_first_counts() -> None:
    then = "guard.gone_within(1.5); guard.gone_within(60)"
    with program(written("time.sleep(60)", limit=30.0, then=then)) as child:
        assert ended(child)[0] == 1


def test_nobody_who_reads_the_log_no_more_keeps_the_process() -> None:
    """The pipe is full, so that the last line cannot be written: it ends all the same."""
    stuck = "sys.stderr.write('x' * 10_000_000)"
    with program(written(stuck)) as child:
        assert child.wait(timeout=20) == 1


@pytest.mark.slow
def test_a_profiler_keeps_its_timer() -> None:
    """There is one timer of processor time in a process: whoever has it goes on."""
    before = """
import signal
samples = []
signal.signal(signal.SIGPROF, lambda *_: samples.append(1))
signal.setitimer(signal.ITIMER_PROF, 0.01, 0.01)
"""
    # Two seconds of work, during which the guard looks four times.
    busy = "while time.process_time() < 2: pass"
    after = "signal.setitimer(signal.ITIMER_PROF, 0); print(len(samples) > 80, flush=True)"
    with program(before + written(limit=30.0, then=busy, after=after)) as child:
        assert [heard(child) for _ in range(3)] == ["ready", "through", "True"]
        code, said = ended(child)

    assert (code, said) == (0, "")
