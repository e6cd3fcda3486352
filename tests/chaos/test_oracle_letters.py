"""Which letters the fault harness lets pass: those that were due, and those that a fault accounts for."""

from __future__ import annotations

import pytest

from tests.chaos.crafted import KILLED_AT, good_run


def test_a_letter_about_a_good_record_is_undeserved() -> None:
    run = good_run()
    run.bury(run.publish(), "rejected")

    assert run.broken == {"undeserved letters"}


def test_a_letter_for_another_reason_than_the_due_one_is_undeserved() -> None:
    run = good_run()
    run.bury(run.publish(expect="invalid"), "undecodable")

    assert run.broken == {"undeserved letters"}


def test_a_letter_that_the_script_made_its_lane_deserve_is_let_pass() -> None:
    run = good_run()
    run.bury(run.publish(lane="poisoned"), "rejected")
    run.deserved = {"poisoned": frozenset({"rejected"})}

    assert run.broken == set()


@pytest.mark.parametrize(("repeat", "broken"), [("never", set()), ("safe", {"undeserved letters"})])
def test_unknown_is_for_harmful_requests_that_a_fault_met(repeat: str, broken: set[str]) -> None:
    run = good_run()
    number = run.publish(repeat)
    run.bury(number, "unknown")
    assert run.broken == {"undeserved letters"}

    run.fail(number, request=77)
    assert run.broken == broken


def test_unknown_is_for_what_was_claimed_when_its_process_was_killed() -> None:
    run = good_run()
    number = run.publish("never")
    run.bury(number, "unknown", at=KILLED_AT + 8)
    run.kill(done=number, claims=[number])

    assert run.broken == set()


def test_unknown_is_not_for_what_was_neither_claimed_nor_in_flight_at_a_kill() -> None:
    run = good_run()
    number = run.publish("never")
    run.bury(number, "unknown", at=KILLED_AT + 8)
    run.kill(done=number)

    assert run.broken == {"undeserved letters"}


def test_unknown_is_for_what_was_written_to_a_connection_that_closed_just_then() -> None:
    """Foundry has not seen it; what it has seen and applied has no such excuse."""
    run = good_run()
    number = run.publish("never")
    run.bury(number, "unknown", at=50.0)
    run.dropped.append((30.0, 30.1))
    assert run.broken == {"undeserved letters"}

    run.dropped.append((49.9, 50.1))
    assert run.broken == set()

    run.apply(number, at=49.0)
    assert run.broken == {"undeserved letters"}


def test_unknown_is_for_what_a_foundry_that_stood_still_read_too_late() -> None:
    run = good_run()
    number = run.publish("never")
    run.apply(number, at=50.0)
    run.bury(number, "unknown", at=50.0)
    run.stalls.append((30.0, 32.0))
    assert run.broken == {"undeserved letters"}

    run.stalls.append((48.0, 50.1))
    assert run.broken == set()


def test_exhausted_is_for_as_many_failures_as_the_settings_say() -> None:
    run = good_run()
    number = run.publish()
    run.bury(number, "exhausted")
    for request in range(70, 74):
        run.fail(number, request=request)
    assert run.broken == {"undeserved letters"}

    run.fail(number, request=74)
    assert run.broken == set()
