"""How many requests at one time: found out from refusals, and from nothing else."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from consumer.state.limiter import FIRST_WAIT, LONGEST_WAIT, Limiter


class Foundry:
    """Takes `admits` at one time; the test says when it answers."""

    def __init__(self, admits: int, *, most: int = 64) -> None:
        self.limiter = Limiter(most=most)
        self.admits = admits
        self.now = 100.0
        self.retry_after: float | None = None
        self.under_way: list[int] = []
        self.turned_away: list[tuple[int, int]] = []
        self.asked = 0

    def fill(self) -> int:
        """Begin as many requests as there is room for; returns how many."""
        began = 0
        while self.limiter.room(self.now):
            self.limiter.take(self.now)
            ticket, level = self.limiter.begin(), self.limiter.in_flight
            began += 1
            if len(self.under_way) < self.admits:
                self.under_way.append(ticket)
            else:
                self.turned_away.append((ticket, level))
        self.asked += began
        return began

    def refuse(self) -> None:
        """The refusals arrive."""
        for ticket, level in self.turned_away:
            self.limiter.refused(ticket, level, self.now, self.retry_after)
            self.limiter.leave()
        self.turned_away.clear()

    def answer(self, count: int | None = None) -> None:
        """What was taken is answered, the oldest first."""
        for ticket in self.under_way[:count]:
            self.limiter.answered(ticket)
            self.limiter.leave()
        del self.under_way[:count]

    def rounds(self, seconds: float, step: float = 0.1) -> None:
        """Requests that take `step` seconds, one after another in each place."""
        for _ in range(round(seconds / step)):
            self.fill()
            self.now += step / 10
            self.refuse()
            self.now += step - step / 10
            self.answer()


def test_it_begins_at_the_most() -> None:
    assert Foundry(64).fill() == 64


def test_at_least_one_is_allowed() -> None:
    with pytest.raises(ValueError, match="at most 0"):
        Limiter(most=0)


@pytest.mark.parametrize("admits", [1, 2, 10, 63])
def test_what_was_not_refused_of_a_burst_is_the_limit_at_once(admits: int) -> None:
    world = Foundry(admits)
    world.fill()
    world.refuse()

    # A few refusals alone may be chance.
    assert world.limiter.limit == (admits if admits < 60 else 64)


def test_a_request_that_ends_meanwhile_does_not_make_the_limit_smaller() -> None:
    world = Foundry(10)
    world.fill()
    world.answer(5)
    world.fill()
    world.refuse()

    assert 10 <= world.limiter.limit <= 15


def test_neither_latency_nor_other_failures_lower_it() -> None:
    limiter = Limiter(most=8)
    for now in range(0, 500, 10):
        limiter.take(now)
        ticket = limiter.begin()
        if now % 20:
            limiter.answered(ticket)
        limiter.leave()

    assert limiter.limit == 8


def test_a_refusal_now_and_then_is_noise() -> None:
    limiter = Limiter(most=8)
    for turn in range(200):
        limiter.take(0.0)
        limiter.take(0.0)
        ticket, other = limiter.begin(), limiter.begin()
        limiter.answered(other)
        if turn % 20:
            limiter.answered(ticket)
        else:
            limiter.refused(ticket, limiter.in_flight, 0.0, 1.0)
        limiter.leave()
        limiter.leave()

    assert limiter.limit == 8


def test_it_asks_for_one_more_and_waits_longer_each_time() -> None:
    world = Foundry(10)
    world.rounds(1)
    attempts = []
    for _ in range(400):
        before = world.asked
        world.rounds(0.1)
        if world.asked - before > 10:
            attempts.append(world.now)

    gaps = [later - earlier for earlier, later in pairwise(attempts)]
    assert world.limiter.limit in {10, 11}
    assert gaps[0] < gaps[1] <= gaps[2]
    assert gaps[-1] == pytest.approx(LONGEST_WAIT, abs=0.2)


def test_it_asks_for_more_only_where_more_is_wanted() -> None:
    world = Foundry(10)
    world.rounds(1)
    limiter = world.limiter
    for _ in range(200):
        world.now += 1
        limiter.take(world.now)
        limiter.answered(limiter.begin())
        limiter.leave()

    assert limiter.limit == 10


def test_what_is_lifted_is_found_out_by_doubling() -> None:
    world = Foundry(1, most=800)
    world.rounds(20)
    world.admits = 1_000
    world.rounds(LONGEST_WAIT + 1.5)

    assert world.limiter.limit == 800


def test_nothing_is_raised_before_a_retry_after_has_passed() -> None:
    world = Foundry(10)
    world.retry_after = 30.0
    world.fill()
    world.refuse()
    refused = world.now
    world.rounds(0.1)
    before = world.asked
    while world.asked - before <= 10:
        before = world.asked
        world.rounds(0.1)

    assert world.now - refused >= 30.0


@pytest.mark.parametrize("retry_after", [None, 0.0, 7.0])
def test_a_request_that_is_refused_alone_begins_a_pause(retry_after: float | None) -> None:
    world = Foundry(0)
    world.retry_after = retry_after
    world.fill()
    world.refuse()
    limiter, pause = world.limiter, retry_after or FIRST_WAIT / 2

    assert limiter.shut
    assert limiter.opens_at(world.now) == world.now + pause
    assert not limiter.room(world.now + pause - 0.001)
    assert limiter.room(world.now + pause) == limiter.limit == 1


def test_pauses_without_a_length_double_up_to_a_bound() -> None:
    world = Foundry(0)
    pauses = []
    for _ in range(7):
        world.fill()
        world.refuse()
        opens_at = world.limiter.opens_at(world.now)
        assert opens_at is not None
        pauses.append(opens_at - world.now)
        world.now = opens_at

    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_where_most_of_what_begins_is_refused_it_halves_and_then_pauses() -> None:
    """Foundry takes less than before; what it took before is still on its way."""
    world = Foundry(64)
    world.rounds(5)
    world.fill()
    world.admits, world.retry_after = 2, 5.0
    while world.limiter.room(world.now) or len(world.under_way) > 20:
        world.answer(1)
        world.fill()
        world.refuse()

    assert world.limiter.limit <= 32
    assert world.limiter.opens_at(world.now) == world.now + 5.0
    assert world.asked < 64 * 51 + 30


def test_a_late_refusal_of_an_older_burst_is_counted_in_it() -> None:
    world = Foundry(10)
    world.fill()
    late = world.turned_away.pop()
    world.refuse()
    world.limiter.refused(*late, world.now, None)
    world.limiter.leave()

    assert world.limiter.limit == 10


def test_an_answer_after_it_was_shut_opens_it() -> None:
    world = Foundry(0)
    world.fill()
    world.refuse()
    world.admits = 100
    world.now += 10
    world.rounds(3)

    assert not world.limiter.shut
    assert world.limiter.limit == 64


def test_a_clock_that_jumps_ahead_ends_a_pause_and_no_more() -> None:
    world = Foundry(10)
    world.retry_after = 600.0
    world.fill()
    world.refuse()
    world.now += 1e9
    world.rounds(0.1)

    assert 10 <= world.limiter.limit <= 11


def _refuse_by_chance(share: float, retry_after: float | None = None, *, turns: int = 600) -> int:
    """One in so many is refused, however few there are; returns how many were answered in 20 ms each."""
    chance, limiter, answered = random.Random(7), Limiter(most=64), 0
    for turn in range(turns):
        now = turn * 0.02
        tickets = []
        while limiter.room(now):
            limiter.take(now)
            tickets.append((limiter.begin(), limiter.in_flight))
        for ticket, level in tickets:
            if chance.random() < share:
                limiter.refused(ticket, level, now, retry_after)
            else:
                limiter.answered(ticket)
                answered += 1
            limiter.leave()
    return answered


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3])
def test_what_is_refused_by_chance_is_no_matter_of_how_many(share: float) -> None:
    # 64 at a time would be 38,400; one at a time, with a pause at each refusal, some hundreds.
    assert _refuse_by_chance(share) > 600 * 4


def test_where_most_is_refused_by_chance_little_is_asked() -> None:
    assert _refuse_by_chance(0.9) < 100


def test_who_says_when_to_come_again_is_not_taken_for_chance() -> None:
    assert _refuse_by_chance(0.2, retry_after=1.0) < 300


def test_chance_is_forgotten_when_all_is_well() -> None:
    limiter, now = Limiter(most=1), 0.0
    for refused in (True, True, True, *[False] * 200, True):
        limiter.take(now)
        ticket = limiter.begin()
        if refused:
            limiter.refused(ticket, 1, now, None)
        else:
            limiter.answered(ticket)
        limiter.leave()
        now += 1.0

    assert limiter.shut
