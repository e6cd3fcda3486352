"""How old the oldest record is, from one mark for each poll."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from consumer.state.arrivals import Arrival, Arrivals

WALL = 1_700_000_000.0
NOW = 500.0


@pytest.mark.parametrize(
    ("timestamp", "age"),
    [
        (int((WALL - 90) * 1000), 90),
        (int((WALL + 3600) * 1000), 7),
        (-1, 7),
        (0, 7),
        (-5_000, 7),
        (2**63 - 1, 7),
    ],
    ids=["as it says", "in the future", "unknown", "unset", "negative", "absurd"],
)
def test_an_age_is_the_timestamps_where_that_can_be_and_never_negative(
    timestamp: int, age: float
) -> None:
    assert Arrival(3, timestamp, taken_at=NOW - 7).age(WALL, NOW) == pytest.approx(age)


def test_a_clock_that_is_set_back_makes_no_negative_age() -> None:
    assert Arrival(3, -1, taken_at=NOW + 1).age(WALL, NOW) == 0


def test_what_is_settled_is_let_go_whether_or_not_anybody_asks() -> None:
    arrivals = Arrivals()

    for offset in range(0, 100_000, 100):
        arrivals.note(offset, offset, NOW, settled=max(0, offset - 250))

    assert len(arrivals) <= 4


def test_before_anything_came_nothing_is_old() -> None:
    assert Arrivals().oldest(0) is None


@given(
    polls=st.lists(st.integers(1, 20), min_size=1, max_size=30),
    settled=st.integers(0, 600),
)
def test_the_mark_is_that_of_the_helping_which_has_the_record(
    polls: list[int], settled: int
) -> None:
    """A record is never said to be younger than the first of its poll."""
    arrivals = Arrivals()
    firsts, offset = [], 0
    for count in polls:
        arrivals.note(offset, offset + 1, NOW, settled=0)
        firsts.append(offset)
        offset += count
    watermark = min(settled, offset - 1)

    found = arrivals.oldest(watermark)

    assert found is not None
    assert found.offset == max(first for first in firsts if first <= watermark)
