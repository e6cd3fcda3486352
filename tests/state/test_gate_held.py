"""What an operator holds, or a spent budget, only a resume opens."""

from __future__ import annotations

import pytest

from consumer.state.gate import HELD, Gate
from tests.state.test_gate import closed, probe_pauses


@pytest.mark.parametrize("reason", sorted(HELD))
def test_what_is_held_is_opened_by_resume_alone(reason: str) -> None:
    gate = closed(reason, None)

    opened = gate.succeeded("close-ticket", 1_000.0)
    probed = (gate.next_probe("close-ticket"), gate.probe("close-ticket", 1_000.0))
    before = gate.may_send("close-ticket", 1_000.0)
    resumed = gate.resume(1_000.0)

    assert opened == []
    assert probed == (None, False)
    assert not before
    assert resumed == [(None, reason)]
    assert not gate.closed


def test_an_operator_who_holds_also_stops_probes_and_those_already_taken() -> None:
    gate = closed("unreachable", None)
    gate.probe("close-ticket", 101.0)
    before = gate.held("close-ticket")

    gate.close("operator", "close-ticket", 101.1)

    assert not before
    assert gate.held("close-ticket")
    assert not gate.held("open-ticket")
    gate.probe_failed("close-ticket", 101.2)
    assert gate.next_probe("close-ticket") is None
    assert gate.next_probe("open-ticket") == pytest.approx(102.2)


def test_resume_lets_an_outage_be_probed_soon_and_does_not_open_it() -> None:
    gate = Gate()
    gate.close("overloaded", None, 100.0, 50.0)

    resumed = gate.resume(101.0)

    assert resumed == []
    assert not gate.may_send("close-ticket", 101.0)
    assert gate.probe("close-ticket", 101.0)
    assert gate.succeeded("close-ticket", 101.1) == [(None, "overloaded")]


def test_resume_lets_the_pauses_grow_anew() -> None:
    gate = closed()
    probe_pauses(gate, "close-ticket", 100.0, 4)

    gate.resume(200.0)

    assert probe_pauses(gate, "close-ticket", 200.0, 3) == [0.0, 0.5, 1.0]


def test_resume_again_and_again_gives_no_more_than_two_probes_a_second() -> None:
    gate = closed()
    probes = 0

    for step in range(1_000):
        now = 101.0 + step / 100
        gate.resume(now)
        probes += gate.probe("close-ticket", now)
        gate.probe_failed("close-ticket", now)

    assert probes == 20
