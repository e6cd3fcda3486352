"""Retries are paid for by successes, and what fails fast is not fast."""

from __future__ import annotations

import pytest

from consumer.state.retry_budget import RetryBudget


@pytest.mark.parametrize(("burst", "pace"), [(0, 1.0), (1, 0.0), (1, -1.0)])
def test_a_budget_that_makes_no_sense_is_refused(burst: int, pace: float) -> None:
    with pytest.raises(ValueError, match="a retry budget"):
        RetryBudget(burst=burst, pace=pace)


def test_a_round_of_requests_may_fail_at_once() -> None:
    budget = RetryBudget(burst=3, pace=1.0)
    for _ in range(2):
        budget.failed(10.0, 0.1)

    assert not budget.spent
    assert budget.room(0, 10.0) == 1


def test_once_it_is_spent_requests_go_out_at_the_slow_pace() -> None:
    budget = RetryBudget(burst=2, pace=1.0)
    for _ in range(5):
        budget.failed(10.0, 0.1)

    assert budget.spent
    assert not budget.room(5, 10.9)
    assert budget.opens_at == 11.0
    assert budget.room(5, 11.0) == 1
    budget.began(11.0)
    assert not budget.room(5, 11.9)
    assert budget.room(5, 12.0) == 1


def test_one_success_pays_for_one_retry_and_no_more_are_on_their_way() -> None:
    budget = RetryBudget(burst=2, pace=1.0)
    for _ in range(5):
        budget.failed(10.0, 0.1)

    budget.succeeded()
    assert budget.room(0, 10.0) == 1
    assert budget.room(1, 10.0) == 0
    budget.failed(10.0, 0.1)
    assert budget.room(0, 10.0) == 0


def test_while_it_is_not_spent_a_request_puts_nothing_off() -> None:
    budget = RetryBudget(burst=2, pace=1.0)

    budget.began(10.0)

    assert budget.room(0, 10.0) == 2


def test_it_holds_no_more_than_a_round() -> None:
    budget = RetryBudget(burst=2, pace=1.0)
    for _ in range(100):
        budget.succeeded()
    for _ in range(2):
        budget.failed(10.0, 0.1)

    assert budget.spent


def test_a_place_is_held_as_long_as_a_success_takes() -> None:
    budget = RetryBudget(burst=2, pace=1.0)
    assert budget.failed(10.0, 0.1) == 0.0

    for _ in range(200):
        budget.took(0.5)
    assert budget.failed(10.0, 0.1) == pytest.approx(0.4)
    assert budget.failed(10.0, 3.0) == 0.0


def test_no_place_is_held_for_ever() -> None:
    budget = RetryBudget(burst=2, pace=1.0)
    budget.took(60.0)

    assert budget.failed(10.0, 0.0) == 5.0


def test_requests_that_hang_keep_no_more_back_than_failures_do() -> None:
    budget = RetryBudget(burst=2, pace=1.0)
    for _ in range(2):
        budget.failed(10.0, 0.1)
    budget.began(10.5)
    budget.succeeded()

    assert budget.room(1, 11.0) == 0
    assert budget.opens_at == 11.5
    assert budget.room(1, 11.5) == 1
