"""The gate over time, and against a naive model that only remembers what was said."""

from __future__ import annotations

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from consumer.state.gate import HELD, Gate, Scope

ACTIONS = ("close-ticket", "open-ticket", "rename-ticket")
OUTAGES = ("unreachable", "token", "forbidden")

actions = st.sampled_from(ACTIONS)
scopes = st.sampled_from((None, *ACTIONS))


def test_a_gate_that_closes_again_right_after_opening_is_probed_ever_more_slowly() -> None:
    """A probe may pass where the real requests fail: without this, a burst of them each half second."""
    gate = Gate()
    now = 100.0
    pauses = []

    for _ in range(6):
        gate.close("failing", "close-ticket", now)
        due = gate.next_probe("close-ticket")
        assert due is not None
        pauses.append(due - now)
        assert gate.probe("close-ticket", due)
        gate.succeeded("close-ticket", due)
        now = due + 0.1

    assert pauses == pytest.approx([0.5, 1.0, 2.0, 4.0, 4.0, 4.0])


def test_a_gate_that_stayed_open_begins_anew() -> None:
    gate = Gate()
    gate.close("unreachable", None, 100.0)
    gate.probe("close-ticket", 101.0)
    gate.succeeded("close-ticket", 101.0)

    gate.close("unreachable", None, 105.0)

    assert gate.next_probe("close-ticket") == 105.5


def test_a_shorter_retry_after_does_not_shorten_a_longer_one() -> None:
    gate = Gate()
    gate.close("overloaded", None, 100.0, 30.0)
    gate.close("overloaded", None, 101.0, 1.0)

    assert gate.next_probe("close-ticket") == 130.0
    assert gate.succeeded("close-ticket", 110.0) == []


def test_a_success_that_began_earlier_does_not_take_back_what_a_later_one_proved() -> None:
    gate = Gate()
    gate.succeeded("close-ticket", 100.0, started=95.0)
    gate.succeeded("close-ticket", 101.0, started=90.0)

    assert not gate.close("unreachable", None, 102.0, started=94.0)


def test_the_end_of_an_old_probe_does_not_end_a_later_one() -> None:
    """The gate opened and closed again while the first was on its way: still one at a time."""
    gate = Gate()
    gate.close("unreachable", None, 100.0, started=99.0)
    gate.probe("close-ticket", 101.0)
    gate.succeeded("open-ticket", 102.0, started=99.5)
    gate.close("unreachable", None, 103.0, started=102.5)
    gate.probe("close-ticket", 104.0)

    gate.probe_failed("close-ticket", 105.0, started=101.0)
    too_many = gate.probe("open-ticket", 107.9)
    gate.probe_failed("close-ticket", 107.9, started=104.0)

    assert not too_many
    assert gate.probe("open-ticket", 120.0)


def test_resume_does_not_hurry_the_first_probe_of_an_outage() -> None:
    """Else a scope that opens and closes again is probed twice at once."""
    gate = Gate()
    gate.close("unreachable", None, 100.0)

    gate.resume(100.1)

    assert gate.next_probe("close-ticket") == 100.5


class GateLife(RuleBasedStateMachine):
    """Requests of three types begin and end in any order while the world comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()
        self.now = 1_000.0
        self.said: dict[tuple[Scope, str], float] = {}
        self.proved: dict[Scope, float] = {}
        self.probing: dict[Scope, tuple[str, float]] = {}
        self.probed: dict[Scope, float] = {}
        self.in_flight: list[tuple[str, float, bool]] = []

    def closed_scopes(self, action: str) -> set[Scope]:
        return {scope for scope, _ in self.said if scope in {None, action}}

    def on_trial(self, scope: Scope) -> bool:
        outage = self.gate._outages.get(scope)
        return outage is not None and outage.trial_since is not None

    def held(self, action: str) -> bool:
        return any(reason in HELD and scope in {None, action} for scope, reason in self.said)

    @rule(seconds=st.floats(0.01, 8.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(action=actions)
    def send(self, action: str) -> None:
        if self.gate.may_send(action, self.now):
            self.in_flight.append((action, self.now, False))

    @rule(action=actions)
    def probe(self, action: str) -> None:
        closed = self.closed_scopes(action)
        due = self.gate.next_probe(action)
        taken = self.gate.probe(action, self.now)
        assert taken == (due is not None and due <= self.now)
        if not taken:
            return
        assert closed, "nothing is closed, so nothing is to be probed"
        assert not self.held(action)
        still = 120.0 if self.gate.on_trial(action) else 4.0
        for scope in closed & set(self.probing):
            assert self.now - self.probed[scope] >= still, "one at a time, save while one hangs"
        for scope in closed:
            assert self.now - self.probed.get(scope, 0.0) >= 0.5
            self.probed[scope] = self.now
            self.probing[scope] = action, self.now
        self.in_flight.append((action, self.now, True))

    @rule(
        data=st.data(),
        what=st.sampled_from(("applied", "answered", "failed")),
        everywhere=st.booleans(),
        reason=st.sampled_from(OUTAGES),
    )
    def answer(self, data: st.DataObject, what: str, everywhere: bool, reason: str) -> None:  # noqa: FBT001 - drawn
        if not self.in_flight:
            return
        request = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(request)
        action, started, probing = request
        if what == "applied":
            self._succeeded(action, started)
        elif what == "answered":
            before = self.gate.reasons()
            self.gate.answered(action, self.now, started=started)
            assert self.gate.reasons() == before, "an answer alone opens nothing"
            assert self.gate.on_trial(action) or not probing
        else:
            self._failed(reason, None if everywhere else action, started)
        if probing:
            self.gate.probe_failed(action, self.now, started=started)
            self.probing = {
                scope: probe for scope, probe in self.probing.items() if probe != (action, started)
            }

    def _succeeded(self, action: str, started: float) -> None:
        disproved = {
            (scope, reason)
            for scope, reason in self.said
            if self.probing.get(scope) == (action, started) and reason not in HELD
        }
        opened = self.gate.succeeded(action, self.now, started=started)
        assert disproved <= set(opened), "the probe succeeded"
        for scope, reason in opened:
            assert scope in {None, action}, "a success speaks for no other type"
            assert reason not in HELD
            del self.said[scope, reason]
            self.probing.pop(scope, None)
        for scope in (action, None):
            self.proved[scope] = max(started, self.proved.get(scope, 0.0))

    def _failed(self, reason: str, scope: Scope, started: float) -> None:
        due_before = {action: self.gate.next_probe(action) for action in ACTIONS}
        late = started < self.proved.get(scope, 0.0)
        new = self.gate.close(reason, scope, self.now, started=started)
        assert new == (not late and (scope, reason) not in self.said)
        if new:
            self.said[scope, reason] = self.now
        else:
            assert due_before == {action: self.gate.next_probe(action) for action in ACTIONS}

    @rule(scope=scopes, reason=st.sampled_from(sorted(HELD)))
    def hold(self, scope: Scope, reason: str) -> None:
        assert self.gate.close(reason, scope, self.now) == ((scope, reason) not in self.said)
        self.said.setdefault((scope, reason), self.now)

    @rule()
    def resume(self) -> None:
        held = {(scope, reason) for scope, reason in self.said if reason in HELD}
        assert set(self.gate.resume(self.now)) == held
        for entry in held:
            del self.said[entry]

    @invariant()
    def it_knows_exactly_what_was_said(self) -> None:
        known = {(scope, reason): since for scope, reason, since in self.gate.reasons()}
        assert known == self.said
        assert self.gate.closed == bool(self.said)
        for action in ACTIONS:
            assert self.gate.may_send(action, self.now) == (not self.closed_scopes(action))
            assert self.gate.held(action) == self.held(action)

    @invariant()
    def it_never_stays_closed_without_a_probe_to_come(self) -> None:
        for action in ACTIONS:
            due = self.gate.next_probe(action)
            if not self.closed_scopes(action) or self.held(action):
                assert due is None
            elif not self.closed_scopes(action) & set(self.probing):
                assert due is not None
                assert due <= self.now + 4.0
            elif not any(self.on_trial(scope) for scope in self.closed_scopes(action)):
                assert due is not None
                assert due <= self.now + 4.0, "one that hangs keeps nobody from looking"


GateLife.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestGateLife = GateLife.TestCase
