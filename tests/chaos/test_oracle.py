"""Each oracle of the fault harness fails on a run that breaks its promise, and on no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.chaos.evidence import Evidence
from deploy.local.chaos.oracle import ORACLES, judge
from tests.chaos.crafted import KILLED_AT, good_run


def test_a_run_that_kept_every_promise_is_let_pass() -> None:
    verdict = good_run().verdict

    assert verdict.kept
    assert (verdict.published, verdict.applied, verdict.ignored) == (6, 4, 1)
    assert verdict.letters == {"invalid": 1}
    assert not verdict.repeated


def test_a_committed_record_without_effect_and_letter_is_lost() -> None:
    run = good_run()
    run.publish()

    assert run.broken == {"lost"}


def test_a_record_of_two_actions_of_which_one_took_effect_is_lost() -> None:
    run = good_run()
    run.apply(run.publish(steps=2), at=6.0)

    assert run.broken == {"lost"}


def test_a_letter_that_was_due_and_is_not_there_is_lost() -> None:
    run = good_run()
    run.publish(expect="undecodable")

    assert run.broken == {"lost"}


def test_what_is_not_committed_at_the_end_is_not_settled() -> None:
    run = good_run()
    run.looks.clear()
    run.committed = 5

    assert run.broken == {"not settled"}


@pytest.mark.parametrize("repeat", ["ask", "never"])
def test_a_harmful_action_that_took_effect_again_is_never_excused(repeat: str) -> None:
    """Not even by a kill while it was in flight."""
    run = good_run()
    number = run.publish(repeat)
    run.apply(number, at=KILLED_AT - 1)
    run.kill(number)
    run.apply(number, at=KILLED_AT + 8)

    assert run.broken == {"applied twice"}


@pytest.mark.parametrize("repeat", ["safe", "create"])
def test_a_repeat_needs_a_cause(repeat: str) -> None:
    run = good_run()
    number = run.publish(repeat)
    run.apply(number, at=KILLED_AT - 1)
    run.apply(number, at=KILLED_AT + 8)

    assert run.broken == {"resent without cause"}

    run.kill(number)
    assert run.broken == set()
    assert run.verdict.repeated == {repeat: 1}
    assert [resent for resent, _ in run.verdict.resent] == [1]


def test_what_was_settled_and_not_stored_may_be_repeated_after_a_kill() -> None:
    run = good_run()
    number = run.publish()
    run.apply(number, at=KILLED_AT - 1)
    run.kill(done=number)
    run.apply(number, at=KILLED_AT + 8)

    assert run.broken == set()


def test_what_was_stored_as_done_before_a_kill_may_not_be_repeated() -> None:
    run = good_run()
    number = run.publish()
    run.apply(number, at=KILLED_AT - 1)
    run.kill(done=number + 1)
    run.apply(number, at=KILLED_AT + 8)

    assert run.broken == {"resent without cause"}


def test_what_was_settled_long_before_a_kill_ought_to_be_stored() -> None:
    """Nothing new is sent while the last commit is older than ten intervals."""
    run = good_run()
    number = run.publish()
    run.apply(number, at=KILLED_AT - 20)
    run.kill(done=number)
    run.apply(number, at=KILLED_AT + 8)

    assert run.broken == {"resent without cause"}


def test_a_kill_repeats_no_more_than_was_in_flight_and_settled_within_a_few_commits() -> None:
    """At the rate before it: of what a commit ought to have told long before there are too many."""
    run = good_run()
    numbers = [run.publish(lane=f"lane {each}") for each in range(20)]
    for number in numbers:
        run.apply(number, at=KILLED_AT - 5)
    run.kill(done=numbers[0])
    assert run.broken == set()

    for number in numbers:
        run.apply(number, at=KILLED_AT + 8)
    assert run.broken == {"resent without cause"}
    assert run.verdict.resent == [(20, 0)]


def test_a_request_that_was_not_answered_may_be_repeated() -> None:
    run = good_run()
    number = run.publish()
    run.apply(number, at=10.0, request=77)
    run.fail(number, request=77)
    run.apply(number, at=14.0)

    assert run.broken == set()


@pytest.mark.parametrize(("failed_at", "broken"), [(11.0, set()), (18.5, {"resent without cause"})])
def test_a_record_whose_next_action_failed_may_begin_again_with_its_first(
    failed_at: float, broken: set[str]
) -> None:
    run = good_run()
    number = run.publish(steps=2)
    run.apply(number, at=10.0)
    run.fail(number, request=77, at=failed_at)
    run.apply(number, at=17.0)
    run.apply(number, at=18.0, step=1)

    assert run.broken == broken


def test_a_request_that_was_read_too_late_may_be_repeated_unless_it_does_harm() -> None:
    run = good_run()
    safe, ask = run.publish("safe"), run.publish("ask", lane="b")
    for number in (safe, ask):
        run.apply(number, at=10.0)
        run.apply(number, at=14.0)
    assert run.broken == {"resent without cause", "applied twice"}

    run.stalls.append((7.0, 9.5))
    assert run.broken == {"applied twice"}


def test_effects_of_one_lane_keep_the_order_of_its_partition() -> None:
    run = good_run()
    first, second = run.publish(), run.publish()
    run.apply(second, at=6.0)
    run.apply(first, at=7.0)

    assert run.broken == {"out of order"}


def test_other_lanes_have_no_order_among_them() -> None:
    run = good_run()
    first, second = run.publish(lane="b"), run.publish(lane="c")
    run.apply(second, at=6.0)
    run.apply(first, at=7.0)

    assert run.broken == set()


def test_what_is_committed_before_it_is_applied_is_committed_early() -> None:
    run = good_run()
    number = run.publish()
    run.look(at=61.0, offset=number + 1)
    run.apply(number, at=62.0)

    assert run.broken == {"early commit"}


def test_what_is_done_above_the_watermark_before_its_letter_is_committed_early() -> None:
    run = good_run()
    number = run.publish(expect="invalid")
    run.look(at=61.0, offset=number, done=1)
    run.bury(number, "invalid", at=62.0)

    assert run.broken == {"early commit"}


def test_applied_and_a_letter_is_one_disposition_too_many() -> None:
    run = good_run()
    number = run.publish(lane="poisoned")
    run.apply(number, at=6.0)
    run.bury(number, "exhausted")
    run.deserved = {"poisoned": frozenset({"exhausted"})}
    assert run.broken == {"disposed of twice"}

    run.fail(number, request=run.effects[-1].request, at=6.0)
    assert run.broken == set(), "nobody was told that it was applied"


def test_two_letters_are_excused_by_a_kill_between_them_alone() -> None:
    run = good_run()
    number = run.publish(expect="invalid")
    run.bury(number, "invalid", at=KILLED_AT - 1)
    run.bury(number, "invalid", at=KILLED_AT + 8)
    assert run.broken == {"disposed of twice"}

    run.kill()
    assert run.broken == set()


def test_an_effect_that_nobody_asked_for_is_a_phantom() -> None:
    run = good_run()
    run.strangers.append("effect 9: pay-out")

    assert run.broken == {"phantom"}


def test_a_letter_about_nothing_is_a_phantom() -> None:
    run = good_run()
    run.bury(99, "invalid")

    assert run.broken == {"phantom"}


def test_a_letter_with_another_value_is_a_phantom() -> None:
    run = good_run()
    run.bury(run.publish(expect="invalid"), "invalid", content=-1)

    assert run.broken == {"phantom"}


def test_a_letter_about_what_is_ignored_is_a_phantom_and_undeserved() -> None:
    run = good_run()
    run.bury(run.publish(expect="ignored"), "invalid")

    assert run.broken == {"phantom", "undeserved letters"}


def test_what_the_script_saw_is_a_fault_too() -> None:
    assert judge(Evidence([], [])).kept
    assert not judge(Evidence([], []), ["a process ended by itself"]).kept


def test_every_oracle_is_seen_to_fail_here() -> None:
    """By name, in the assertions of these suites: a new oracle needs its own."""
    text = "".join(
        each.read_text(encoding="utf-8") for each in Path(__file__).parent.glob("test_oracle*.py")
    )

    assert all(f'"{name}"' in text for name in ORACLES)
