"""The gate on trial: validation is answered, and real requests go one at a time until one is applied."""

from __future__ import annotations

import pytest

from consumer.state.gate import Gate


def on_trial(since: float = 101.0) -> Gate:
    """Closed at 100, and its probe answered at `since`."""
    gate = Gate()
    gate.close("failing", "close-ticket", 100.0, started=99.0)
    gate.probe("close-ticket", since)
    gate.answered("close-ticket", since, started=since)
    gate.probe_failed("close-ticket", since, started=since)
    return gate


def test_an_answer_opens_nothing_and_lets_a_real_request_go_after_half_a_second() -> None:
    gate = on_trial()

    assert gate.on_trial("close-ticket")
    assert not gate.may_send("close-ticket", 101.4)
    assert not gate.probe("close-ticket", 101.4)
    assert gate.probe("close-ticket", 101.5)
    assert gate.succeeded("close-ticket", 101.6, started=101.5) == [("close-ticket", "failing")]


def test_a_real_request_on_trial_is_the_only_one_however_long_it_takes() -> None:
    gate = on_trial()
    gate.probe("close-ticket", 101.5)

    assert not gate.probe("close-ticket", 221.4)
    assert gate.probe("close-ticket", 221.5)


def test_one_that_fails_ends_the_trial_and_the_pauses_grow_on() -> None:
    gate = Gate()
    gate.close("failing", "close-ticket", 100.0, started=99.0)
    pauses = []
    for _ in range(5):
        due = gate.next_probe("close-ticket") or 0.0
        assert gate.probe("close-ticket", due)
        gate.answered("close-ticket", due, started=due)
        gate.probe_failed("close-ticket", due, started=due)
        trial = due + 0.5
        assert gate.probe("close-ticket", trial)
        gate.close("failing", "close-ticket", trial, started=trial)
        gate.probe_failed("close-ticket", trial, started=trial)
        assert not gate.on_trial("close-ticket")
        pauses.append((gate.next_probe("close-ticket") or 0.0) - trial)

    assert pauses == pytest.approx([1.0, 2.0, 4.0, 4.0, 4.0])


def test_one_that_is_refused_neither_ends_the_trial_nor_slows_it() -> None:
    gate = on_trial()
    for turn in range(4):
        now = 101.5 + turn / 2
        assert gate.probe("close-ticket", now)
        gate.answered("close-ticket", now, started=now)
        gate.probe_failed("close-ticket", now, started=now)

    assert gate.on_trial("close-ticket")


def test_a_straggler_of_the_outage_does_not_end_the_trial() -> None:
    gate = on_trial()

    gate.close("failing", "close-ticket", 101.2, started=98.0)

    assert gate.on_trial("close-ticket")


def test_a_type_is_on_trial_only_if_all_that_is_closed_for_it_is() -> None:
    gate = on_trial()

    gate.close("unreachable", None, 102.0, started=101.6)

    assert not gate.on_trial("close-ticket")


def test_an_answer_from_before_the_latest_failure_puts_nothing_on_trial() -> None:
    gate = Gate()
    gate.close("failing", "close-ticket", 100.0, started=99.0)

    gate.answered("close-ticket", 101.0, started=98.0)

    assert not gate.on_trial("close-ticket")


# One record's trouble ----------------------------------------------------------------------------


def test_where_one_record_alone_failed_another_may_look_at_once() -> None:
    gate = Gate()
    gate.close("failing", "close-ticket", 100.0, started=99.0, lonely=True)
    for now in (100.5, 101.5, 103.5):
        assert gate.probe("close-ticket", now)
        gate.probe_failed("close-ticket", now)

    assert gate.next_probe("close-ticket") == 107.5
    assert not gate.probe("close-ticket", 103.9, fresh=True)  # still two a second at most
    assert gate.probe("close-ticket", 104.0, fresh=True)


def test_on_trial_a_real_request_stays_the_only_one_though_one_record_alone_failed() -> None:
    gate = Gate()
    gate.close("failing", "close-ticket", 100.0, started=99.0, lonely=True)
    assert gate.probe("close-ticket", 100.5, fresh=True)
    gate.answered("close-ticket", 100.6, started=100.5)
    gate.probe_failed("close-ticket", 100.6, started=100.5)
    assert gate.probe("close-ticket", 101.0, fresh=True)

    assert not gate.probe("close-ticket", 220.9, fresh=True)
    assert gate.probe("close-ticket", 221.0, fresh=True)


def test_when_another_record_fails_too_it_is_an_outage_like_any() -> None:
    gate = Gate()
    gate.close("failing", "close-ticket", 100.0, started=99.0, lonely=True)

    gate.close("failing", "close-ticket", 100.1, started=99.5)
    gate.probe("close-ticket", 100.5)
    gate.probe_failed("close-ticket", 100.5)

    assert gate.next_probe("close-ticket", fresh=True) == gate.next_probe("close-ticket") == 101.5


# What it says ------------------------------------------------------------------------------------


def test_letters_that_are_not_taken_close_nothing_and_are_said() -> None:
    gate = Gate()

    said = [gate.letters_failing("tickets", at) for at in (100.0, 101.0)]
    before = gate.reasons()
    closed = (gate.closed, gate.closed_for_all, gate.may_send("close-ticket", 101.0))
    gate.letters_taken("tickets")

    assert said == [True, False]
    assert before == [("tickets", "letters_failing", 100.0)]
    assert closed == (False, False, True)
    assert gate.reasons() == []


def test_a_refusal_for_one_types_sake_opens_what_is_closed_for_all() -> None:
    gate = Gate()
    gate.close("unreachable", None, 100.0, started=99.0)

    assert gate.reached(101.0, started=98.0) == []
    assert gate.reached(101.0, started=100.5) == [(None, "unreachable")]
    assert not gate.closed_for_all
