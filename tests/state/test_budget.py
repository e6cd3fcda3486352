"""Letters are paid for by successes: a flood of letters stops by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from consumer.state.budget import LetterBudget


def test_it_starts_full_and_ends_empty() -> None:
    budget = LetterBudget(burst=3, ratio=0.05)

    paid = [budget.spend("invalid", "t/0/1") for _ in range(4)]

    assert paid == [True, True, True, False]
    assert budget.remaining == 0


@pytest.mark.parametrize(("ratio", "successes"), [(0.05, 20), (0.1, 10), (0.29, 4), (1.0, 1)])
def test_successes_buy_a_letter_exactly_when_they_amount_to_one(
    ratio: float, successes: int
) -> None:
    budget = LetterBudget(burst=1, ratio=ratio)
    budget.spend("invalid", "t/0/1")

    for _ in range(successes - 1):
        budget.succeeded()
    too_early = budget.spend("invalid", "t/0/2")
    budget.succeeded()

    assert not too_early
    assert budget.spend("invalid", "t/0/2")


def test_a_ratio_that_is_no_binary_number_is_not_rounded_down() -> None:
    """0.000249 * 1,000,000 is 248.99... in floating point."""
    budget = LetterBudget(burst=249, ratio=0.000249)
    for _ in range(249):
        budget.spend("invalid", "t/0/1")

    budget.succeeded(1_000_000)

    assert budget.remaining == 249


def test_it_never_holds_more_than_its_burst() -> None:
    budget = LetterBudget(burst=2, ratio=0.5)

    budget.succeeded(1_000)

    assert budget.remaining == 2


def test_an_empty_bucket_without_ratio_stays_empty_until_refilled() -> None:
    budget = LetterBudget(burst=1, ratio=0)
    budget.spend("rejected", "t/0/1")

    budget.succeeded(10**9)
    before = budget.remaining
    budget.refill()

    assert (before, budget.remaining) == (0, 1)


def test_it_names_what_the_letters_were_mostly_about() -> None:
    budget = LetterBudget(burst=2, ratio=0)
    nothing = budget.dominant()

    budget.spend("invalid", "t/0/1")
    budget.spend("rejected", "t/0/2")
    budget.spend("rejected", "t/0/3")
    mostly = budget.dominant()
    budget.refill()

    assert nothing is None
    assert mostly == ("rejected", "t/0/2")
    assert budget.dominant() is None


@pytest.mark.parametrize(("burst", "ratio"), [(-1, 0.1), (1, -0.1)])
def test_a_negative_budget_is_refused(burst: int, ratio: float) -> None:
    with pytest.raises(ValueError, match="negative"):
        LetterBudget(burst=burst, ratio=ratio)


@given(st.integers(0, 20), st.integers(0, 1_000), st.lists(st.integers(0, 50)))
def test_letters_never_outnumber_burst_and_what_successes_paid(
    burst: int, thousandths: int, story: list[int]
) -> None:
    """Zero is an attempted letter, another number so many successes."""
    budget = LetterBudget(burst=burst, ratio=thousandths / 1_000)
    letters = 0

    for step in story:
        if step:
            budget.succeeded(step)
        else:
            affordable = budget.remaining > 0
            assert budget.spend("unmappable", "t/0/1") is affordable
            letters += affordable

        assert letters * 1_000 <= burst * 1_000 + sum(story) * thousandths
        assert 0 <= budget.remaining <= burst


def test_it_tells_what_so_many_more_successes_would_pay_for() -> None:
    budget = LetterBudget(burst=2, ratio=0.5)
    budget.spend("invalid", "t/0/1")

    assert budget.covers(1, successes=0)
    assert not budget.covers(2, successes=1)
    assert budget.covers(2, successes=2)
    assert budget.remaining == 1
