"""The limiter over any life: bounds hold, a pause is a pause, and it never stands still for ever."""

from __future__ import annotations

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.state.limiter import Limiter

MOST = 12


class LimiterLife(RuleBasedStateMachine):
    """Any requests, ended in any order and any way."""

    def __init__(self) -> None:
        super().__init__()
        self.limiter = Limiter(most=MOST)
        self.now = 1_000.0
        self.under_way: list[tuple[int, int]] = []
        self.window = self.now
        """Until then nothing may be raised."""

    @rule(seconds=st.sampled_from((0.0, 0.01, 0.3, 1.0, 5.0, 700.0, 1e6)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_request_begins_where_there_is_room(self) -> None:
        room, before = self.limiter.room(self.now), self.limiter.limit
        if not room:
            return
        self.limiter.take(self.now)
        self.under_way.append((self.limiter.begin(), self.limiter.in_flight))

        assert self.limiter.in_flight <= self.limiter.limit
        assert before <= self.limiter.limit <= before + room
        assert self.limiter.limit == before or self.now >= self.window

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), fared=st.sampled_from(("answered", "refused", "failed")))
    def a_request_ends(self, data: st.DataObject, fared: str) -> None:
        which = data.draw(st.integers(0, len(self.under_way) - 1))
        ticket, level = self.under_way.pop(which)
        before = self.limiter.limit
        if fared == "answered":
            self.limiter.answered(ticket)
            assert self.limiter.limit == before
        elif fared == "refused":
            asked = data.draw(st.sampled_from((None, 0.0, 1.0, 30.0)))
            self.limiter.refused(ticket, level, self.now, asked)
            assert self.limiter.limit <= before
            if self.limiter.limit < before:
                self.window = max(self.window, self.now + (asked or 0.0))
        self.limiter.leave()

    @invariant()
    def it_stays_within_its_bounds(self) -> None:
        assert 1 <= self.limiter.limit <= MOST
        assert self.limiter.in_flight == len(self.under_way) <= MOST

    @invariant()
    def it_says_when_to_ask_again(self) -> None:
        """Or a request is on its way, whose end is the time."""
        if self.limiter.room(self.now) or self.under_way:
            return
        opens_at = self.limiter.opens_at(self.now)
        assert opens_at is not None
        assert opens_at > self.now
        assert self.limiter.room(opens_at)


LimiterLife.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestLimiterLife = LimiterLife.TestCase
