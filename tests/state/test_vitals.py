"""What is stuck and what waits: judged by what stays the same, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from consumer.model import Partition
from consumer.state.vitals import PARTS, Patience, Seen, Verdict, Vitals, Work

PATIENCE = Patience(poll=90.0, commit=60.0, request=75.0, work=180.0, fetch=300.0, frozen=10.0)
LONGEST = 300.0 + 60.0
HERE = Partition("t", 0)
EVERY = 2.0

HEALTHY = Work(waits_for="its time")
STANDS = Seen(now=0.0, work=HEALTHY, member=True, polls=5, commits=7)
"""Unless it goes on, its poll is stuck."""


def looks(seen: Seen, seconds: float = LONGEST, *, polling: bool = True) -> Iterator[Seen]:
    """The same again and again, but for what goes on."""
    for number in range(int(seconds / EVERY)):
        polls = seen.polls + (number if polling else 0)
        yield replace(seen, now=seen.now + number * EVERY, polls=polls)


def judged(seen: Seen, seconds: float = LONGEST, *, polling: bool = True) -> Verdict | None:
    """The first verdict, after at least as long as patience lasts."""
    vitals = Vitals(PATIENCE)
    found = [vitals.look(each) for each in looks(seen, seconds, polling=polling)]
    return next(filter(None, found), None)


def work(**given: object) -> Seen:
    return replace(STANDS, work=replace(HEALTHY, **given))  # type: ignore[arg-type]  # fields of it


WAITING = work(waits_for=None, records=3)
STUCK = {
    "poll": STANDS,
    "commits": work(commit_owed_since=-1.0),
    "requests": work(requests=[("a", 1.0)]),
    "work": WAITING,
    "fetch": replace(STANDS, unread={HERE: 17}),
    "client": replace(STANDS, ended=["fetch task"]),
}


def test_each_part_has_its_case() -> None:
    assert STUCK.keys() == set(PARTS)


@pytest.mark.parametrize("part", STUCK)
def test_what_stays_the_same_for_too_long_is_a_verdict(part: str) -> None:
    verdict = judged(STUCK[part], polling=part != "poll")

    assert verdict is not None
    assert verdict.part == part
    assert verdict.why.startswith("for ")


@pytest.mark.parametrize(
    ("part", "patience"),
    [("poll", 90), ("commits", 60 + 59), ("requests", 75), ("work", 180), ("fetch", 300)],
)
def test_it_takes_as_long_as_it_may_take(part: str, patience: float) -> None:
    assert judged(STUCK[part], patience, polling=part != "poll") is None
    assert judged(STUCK[part], patience + 3 * EVERY, polling=part != "poll") is not None


@pytest.mark.parametrize("part", ["poll", "commits", "work", "fetch"])
def test_while_the_group_does_not_answer_nothing_is_judged(part: str) -> None:
    away = replace(STUCK[part], member=False)

    assert judged(away, 10 * LONGEST, polling=False) is None


@pytest.mark.parametrize("reason", ["the group", "requests", "letters", "an operator", "its time"])
def test_records_that_wait_for_something_may_wait(reason: str) -> None:
    waiting = replace(WAITING, work=replace(WAITING.work, waits_for=reason))

    assert judged(waiting, 10 * LONGEST) is None


def test_a_request_is_given_up_whether_kafka_is_there_or_not() -> None:
    assert judged(replace(STUCK["requests"], member=False)) is not None


def test_a_request_that_is_sent_again_is_another_one() -> None:
    vitals = Vitals(PATIENCE)

    for number, seen in enumerate(looks(STANDS, 10 * LONGEST)):
        again = replace(HEALTHY, requests=[("a", float(number // 20))])
        assert vitals.look(replace(seen, work=again)) is None


def test_one_rebalance_after_another_is_the_groups_affair() -> None:
    vitals = Vitals(PATIENCE)

    for number, seen in enumerate(looks(STANDS, 10 * LONGEST, polling=False)):
        assert vitals.look(replace(seen, work=replace(HEALTHY, sessions=number // 20))) is None


@pytest.mark.parametrize("part", STUCK)
def test_after_a_freeze_everything_has_its_time_again(part: str) -> None:
    """The clock has jumped by hours; nobody was able to do anything meanwhile."""
    vitals, polling = Vitals(PATIENCE), part != "poll"
    before = list(looks(STUCK[part], 6.0, polling=polling))
    after = replace(before[-1], now=before[-1].now + 7_200.0)

    for seen in before:
        assert vitals.look(seen) is None
    assert vitals.look(after) is None
    assert vitals.look(replace(after, now=after.now + 1.0)) is None


GLIMPSES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 3), st.sampled_from([None, "letters", "the group"])),
    max_size=200,
)


@given(GLIMPSES, st.integers(1, 25))
def test_a_process_whose_parts_go_on_is_never_stuck(
    glimpses: list[tuple[bool, int, str | None]], goes_on_after: int
) -> None:
    """At least each fifty seconds something of each part is new; the rest is as it comes."""
    vitals = Vitals(PATIENCE)

    for number, (member, records, reason) in enumerate(glimpses):
        step, now = number // goes_on_after, number * EVERY
        seen = Seen(
            now=now,
            member=member,
            polls=step,
            commits=step,
            unread={HERE: step},
            work=Work(
                settled=step,
                records=records,
                requests=[("a", float(step))],
                waits_for=reason,
                commit_owed_since=now - 100.0,
            ),
        )
        assert vitals.look(seen) is None
