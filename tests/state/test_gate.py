"""The gate: an outage stops sending, and a probe, never an operator's patience, opens it again."""

from __future__ import annotations

import math

import pytest

from consumer.state.gate import Gate


def closed(reason: str = "unreachable", scope: str | None = None, now: float = 100.0) -> Gate:
    gate = Gate()
    gate.close(reason, scope, now)
    return gate


def probe_pauses(gate: Gate, action: str, now: float, count: int) -> list[float]:
    """Pauses before each of `count` probes that all fail at once."""
    pauses = []
    for _ in range(count):
        due = gate.next_probe(action)
        assert due is not None
        assert not gate.probe(action, due - 0.001)
        assert gate.probe(action, due)
        gate.probe_failed(action, due)
        pauses.append(due - now)
        now = due
    return pauses


def test_it_is_open_until_something_closes_it() -> None:
    gate = Gate()

    assert gate.may_send("close-ticket", 0.0)
    assert not gate.closed
    assert gate.reasons() == []
    assert gate.next_probe("close-ticket") is None
    assert not gate.probe("close-ticket", 0.0)
    assert gate.succeeded("close-ticket", 0.0) == []


def test_a_reason_for_one_action_type_leaves_the_others_open() -> None:
    gate = closed("forbidden", "close-ticket")

    assert not gate.may_send("close-ticket", 100.0)
    assert gate.may_send("open-ticket", 100.0)
    assert gate.closed


def test_a_reason_for_everything_closes_everything() -> None:
    gate = closed("token", None)

    assert not gate.may_send("close-ticket", 100.0)
    assert not gate.may_send("open-ticket", 100.0)


def test_closing_says_whether_the_reason_is_new() -> None:
    gate = Gate()

    said = [
        gate.close("token", None, 1.0),
        gate.close("token", None, 2.0),
        gate.close("token", "close-ticket", 3.0),
        gate.close("unreachable", None, 4.0),
        gate.close("operator", None, 0.5),
        gate.close("operator", None, 5.0),
    ]

    assert said == [True, False, True, True, True, False]
    assert gate.reasons() == [
        (None, "operator", 0.5),
        (None, "token", 1.0),
        ("close-ticket", "token", 3.0),
        (None, "unreachable", 4.0),
    ]


def test_probes_come_at_growing_pauses_up_to_a_limit() -> None:
    assert probe_pauses(closed(), "close-ticket", 100.0, 6) == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_one_probe_at_a_time_for_each_closed_scope() -> None:
    gate = closed("token", None)
    gate.close("forbidden", "close-ticket", 100.0)

    first = gate.probe("close-ticket", 101.0)
    others = [gate.probe(action, 104.9) for action in ("close-ticket", "open-ticket")]
    gate.probe_failed("close-ticket", 104.9)

    assert first
    assert others == [False, False]
    assert not gate.probe("open-ticket", 105.8)
    assert gate.probe("open-ticket", 105.9)


def test_two_closed_action_types_are_probed_side_by_side() -> None:
    gate = closed("forbidden", "close-ticket")
    gate.close("forbidden", "open-ticket", 100.0)

    assert gate.probe("close-ticket", 101.0)
    assert gate.probe("open-ticket", 101.0)


def test_a_success_opens_its_own_type_and_everything_but_no_other_type() -> None:
    gate = closed("unreachable", None)
    gate.close("forbidden", "close-ticket", 100.0)
    gate.close("missing_action", "open-ticket", 100.0)

    opened = gate.succeeded("close-ticket", 101.0)

    assert opened == [("close-ticket", "forbidden"), (None, "unreachable")]
    assert gate.may_send("close-ticket", 101.0)
    assert not gate.may_send("open-ticket", 101.0)
    assert gate.reasons() == [("open-ticket", "missing_action", 100.0)]


def test_a_success_opens_all_outages_of_its_scope_at_once() -> None:
    gate = closed("unreachable", None)
    gate.close("token", None, 101.0)

    assert gate.succeeded("close-ticket", 102.0) == [(None, "unreachable"), (None, "token")]
    assert not gate.closed


def test_a_longer_retry_after_wins() -> None:
    gate = Gate()

    gate.close("overloaded", None, 100.0, 30.0)

    assert gate.next_probe("close-ticket") == 130.0
    assert not gate.probe("close-ticket", 129.9)
    assert gate.probe("close-ticket", 130.0)


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [(0.1, 0.5), (-5.0, 0.5), (math.nan, 0.5), (3_600.0, 60.0), (math.inf, 60.0)],
)
def test_a_strange_retry_after_stays_within_our_limits(retry_after: float, pause: float) -> None:
    gate = Gate()

    gate.close("overloaded", None, 100.0, retry_after)

    assert gate.next_probe("close-ticket") == 100.0 + pause


def test_a_failed_probe_with_a_retry_after_pushes_the_next_one_back() -> None:
    gate = closed()
    gate.probe("close-ticket", 101.0)

    gate.close("overloaded", None, 102.0, 20.0, started=101.0)
    gate.probe_failed("close-ticket", 102.0)

    assert gate.next_probe("close-ticket") == 122.0


def test_a_success_within_the_servers_retry_after_opens_nothing() -> None:
    """It was on its way when the server asked for a pause."""
    gate = Gate()
    gate.close("overloaded", None, 100.0, 30.0, started=99.0)

    assert gate.succeeded("close-ticket", 101.0, started=99.5) == []
    assert gate.succeeded("close-ticket", 130.0, started=130.0) == [(None, "overloaded")]


def test_stragglers_of_an_outage_do_not_push_its_probes_back() -> None:
    gate = Gate()
    gate.close("unreachable", None, 100.0, started=90.0)

    for number in range(64):
        gate.close("unreachable", None, 100.0 + number / 10, started=90.0 + number / 100)

    assert gate.next_probe("close-ticket") == 100.5


def test_what_a_straggler_is_asked_to_wait_is_waited() -> None:
    """When the server said it counts, not when the request began that it answered."""
    gate = Gate()
    gate.close("overloaded", None, 100.0, 3.0, started=99.9)

    gate.close("overloaded", None, 101.5, 3.0, started=99.8)

    assert gate.next_probe("close-ticket") == 104.5
    assert gate.succeeded("close-ticket", 104.4, started=103.5) == []


def test_a_failure_older_than_a_success_does_not_close_the_gate_again() -> None:
    gate = Gate()
    gate.close("unreachable", None, 100.0, started=90.0)
    gate.probe("close-ticket", 101.0)
    gate.succeeded("close-ticket", 102.0, started=101.0)

    straggler = gate.close("unreachable", None, 105.0, started=100.9)
    other_scope = gate.close("forbidden", "open-ticket", 105.0, started=100.9)
    newer = gate.close("unreachable", None, 106.0, started=102.5)

    assert (straggler, other_scope, newer) == (False, True, True)


def test_a_success_older_than_the_latest_failure_opens_nothing() -> None:
    gate = Gate()
    gate.close("unreachable", None, 100.0, started=90.0)
    gate.close("unreachable", None, 101.0, started=95.0)

    older = gate.succeeded("close-ticket", 102.0, started=94.0)
    newer = gate.succeeded("close-ticket", 102.0, started=95.5)

    assert older == []
    assert newer == [(None, "unreachable")]


def test_the_end_of_a_probe_told_twice_or_by_another_changes_nothing() -> None:
    gate = closed()
    gate.probe("close-ticket", 101.0)

    gate.probe_failed("open-ticket", 101.0)
    still_out = gate.probe("open-ticket", 104.9)
    gate.probe_failed("close-ticket", 104.9)
    gate.probe_failed("close-ticket", 105.8)

    assert not still_out
    assert gate.next_probe("close-ticket") == 105.9


def test_a_probe_that_hangs_does_not_keep_the_next_one_from_looking() -> None:
    """Its request may time out long after all is well again."""
    gate = closed()
    gate.probe("close-ticket", 101.0)

    assert gate.next_probe("close-ticket") == 105.0
    assert not gate.probe("close-ticket", 104.9)
    assert gate.probe("close-ticket", 105.0)
    gate.probe_failed("close-ticket", 106.0, started=101.0)
    assert not gate.probe("close-ticket", 108.9)
