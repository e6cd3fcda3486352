"""Law 12, of the process itself: it never stands still unnoticed, and ends in time."""

from __future__ import annotations

from typing import Final

from tests.mutations.mutation import Mutation

ENDINGS: Final = (
    Mutation(
        name="a loop that stands still is not noticed",
        law=12,
        file="consumer/app/guard.py",
        old="            missed = 0 if beats != self._beats or not self._watches_loop else missed + 1\n",
        new="            missed = 0\n",
        suite="tests/app/test_guard.py",
        test="test_a_loop_that_stands_still_ends_the_process_with_1_and_says_where_it_stood",
        says="TimeoutExpired",
        why="the process is there, and does nothing for ever",
    ),
    Mutation(
        name="what keeps the interpreter is not noticed",
        law=12,
        file="consumer/app/guard.py",
        old="        signal.setitimer(signal.ITIMER_PROF, left)\n",
        new="",
        suite="tests/app/test_guard.py",
        test="test_a_regular_expression_that_never_ends_is_ended_though_it_keeps_the_interpreter",
        says="TimeoutExpired",
        why="as above, by one pattern of an owner's function",
    ),
    Mutation(
        name="a freeze of the process is taken for one of the loop",
        law=12,
        file="consumer/app/guard.py",
        old="            time.sleep(_LOOK_EVERY)\n",
        new="            began = time.monotonic()\n"
        "            time.sleep(_LOOK_EVERY)\n"
        "            missed += int((time.monotonic() - began) / _LOOK_EVERY)\n"
        "            if missed >= self._looks:\n"
        "                self._end('frozen')\n",
        suite="tests/app/test_guard.py",
        test="test_a_process_that_was_frozen_for_longer_than_the_limit_goes_on",
        says="assert 1 == 0",
        why="whoever freezes a process finds it dead",
    ),
    Mutation(
        name="a stop is bounded by the loop alone",
        law=12,
        file="consumer/app/guard.py",
        old="            if self._gone_by is not None and time.monotonic() >= self._gone_by:\n",
        new="            if self._gone_by is not None and not self._beats:\n",
        suite="tests/app/test_guard.py",
        test="test_a_loop_that_is_blocked_during_the_stop_does_not_outlast_its_bound",
        says="TimeoutExpired|< 15",
        why="the orchestrator kills it, and no line says why",
    ),
    Mutation(
        name="an answer that lay in a buffer proves the membership",
        law=5,
        file="consumer/app/watched.py",
        old="        return until if until - self._lease_length >= self._trusted_from else -math.inf\n",
        new="        return until if until >= self._trusted_from else -math.inf\n",
        suite="tests/app/test_loop_lag.py",
        test="test_only_a_heartbeat_sent_since_proves_the_membership_again",
        says="-inf|is trusted|is False",
        why="requests are sent for partitions that another member may have",
    ),
    Mutation(
        name="an outage of Kafka counts as stuck",
        law=12,
        file="consumer/state/vitals.py",
        old="        if seen.member:\n            yield from self._of_kafka(seen)\n",
        new="        if seen.now:\n            yield from self._of_kafka(seen)\n",
        suite="tests/flow/test_watchdog.py",
        test="test_a_wait_that_has_a_reason_is_no_standstill",
        says="not \\[Verdict\\(part=",
        why="each outage restarts every process again and again",
    ),
    Mutation(
        name="an outage of Foundry counts as stuck",
        law=12,
        file="consumer/state/vitals.py",
        old="        if work.records and work.waits_for is None:\n",
        new="        if work.records:\n",
        suite="tests/flow/test_watchdog.py",
        test="test_a_wait_that_has_a_reason_is_no_standstill",
        says="not \\[Verdict\\(part='work'",
        why="as above",
    ),
    Mutation(
        name="a freeze counts as a standstill",
        law=12,
        file="consumer/state/vitals.py",
        old="            self._since.clear()\n",
        new="            pass\n",
        suite="tests/state/test_vitals.py",
        test="test_after_a_freeze_everything_has_its_time_again",
        says="Verdict\\(part=.* is None",
        why="whoever closes a laptop finds the process dead",
    ),
    Mutation(
        name="a verdict is told and ends nothing",
        law=12,
        file="consumer/app/watchdog.py",
        old="        self._stuck()\n",
        new="",
        suite="tests/flow/test_stuck.py",
        test="test_what_is_stuck_is_found_and_a_restart_mends_it",
        says="a verdict not within",
        why="the process stands still until somebody reads the log",
    ),
    Mutation(
        name="brokers that have moved are not looked for",
        law=12,
        file="consumer/app/watchdog.py",
        old="                await self._find_anew()\n",
        new="",
        suite="tests/flow/test_watchdog.py",
        test="test_a_group_that_does_not_answer_is_told_once_and_looked_for",
        says="5 <= 0",
        why="after a move of the cluster each process has to be restarted by hand",
    ),
)
