"""The verdict of the demo has to find every broken promise: each test breaks one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deploy.local.demo.events import EQUIPMENT, TICKETS, Already, Bury, Expectation, Ignore, wanted
from deploy.local.demo.evidence import Evidence, Letter, Place
from deploy.local.demo.oracle import judge
from tests.demo.course import KILLED_AT, Course, broken, reading, technician


def test_a_course_in_which_all_went_well_breaks_no_promise() -> None:
    course = Course()
    course.readings(3)
    course.event(Ignore())
    course.event(Already(), topic=TICKETS)
    course.letter(course.event(Bury("invalid")), "invalid")

    verdict = course.verdict()

    assert verdict.kept
    assert (verdict.published, verdict.applied, verdict.ignored, verdict.already) == (6, 3, 1, 1)
    assert verdict.lettered == {"invalid": 1}


def test_an_effect_that_is_missing_is_a_lost_event() -> None:
    course = Course()
    course.readings(3)
    del course.effects[1]

    assert broken(course.verdict()) == {"lost"}


def test_a_letter_that_is_missing_is_a_lost_event() -> None:
    course = Course()
    course.event(Bury("invalid"))

    assert broken(course.verdict()) == {"lost"}


def test_an_event_is_lost_when_only_the_first_of_its_actions_took_effect() -> None:
    course = Course()
    both = wanted(
        ("close-ticket", {"ticket": "T-1"}),
        ("set-equipment-status", {"equipment": "E-1", "status": "working"}),
    )
    course.event(both, topic=TICKETS)
    course.effect(both, action=0)

    assert broken(course.verdict()) == {"lost"}

    course.effect(both, action=1)
    assert course.verdict().kept


def test_a_never_action_that_took_effect_twice_is_found_even_after_a_kill() -> None:
    course = Course(kills=[KILLED_AT])
    expect = technician(1)
    course.event(expect)
    course.effect(expect)
    course.effect(expect, time=KILLED_AT + 8)

    verdict = course.verdict()

    assert broken(verdict) == {"never or ask applied twice"}
    assert verdict.repeated == {"never": 1}


def test_a_comment_that_took_effect_twice_is_found() -> None:
    course = Course(kills=[KILLED_AT])
    expect = wanted(("add-ticket-comment", {"eventId": "C-1"}))
    course.event(expect, topic=TICKETS)
    course.effect(expect)
    course.effect(expect, time=KILLED_AT + 8)

    assert broken(course.verdict()) == {"never or ask applied twice"}


def test_a_safe_action_may_come_again_after_a_kill() -> None:
    course = Course(kills=[KILLED_AT])
    expected = course.readings(3)
    for each in expected[1:]:
        course.effect(each, time=KILLED_AT + 8)

    verdict = course.verdict()

    assert verdict.kept
    assert verdict.repeated == {"safe": 2}
    assert verdict.oldest_repeat == pytest.approx(1.0)


def test_what_was_on_its_way_at_the_kill_may_take_effect_a_little_later_and_again() -> None:
    course = Course(kills=[KILLED_AT])
    expect = reading(1)
    course.event(expect)
    course.effect(expect, time=KILLED_AT + 0.5)
    course.effect(expect, time=KILLED_AT + 8)

    assert course.verdict().kept


def test_a_safe_action_that_comes_again_without_a_kill_is_found() -> None:
    course = Course()
    course.effect(course.readings(1)[0])

    assert "repeated without bound" in broken(course.verdict())


def test_a_kill_afterwards_excuses_no_repeat() -> None:
    course = Course(kills=[KILLED_AT])
    expect = reading(1)
    course.event(expect)
    course.effect(expect, time=KILLED_AT - 3)
    course.effect(expect, time=KILLED_AT - 2)

    assert broken(course.verdict()) == {"repeated without bound"}


def test_the_first_of_several_actions_may_come_again_however_long_it_waited_for_the_last() -> None:
    """The event was not settled at the kill: it begins again with its first action."""
    course = Course(kills=[KILLED_AT])
    reads = [("record-reading", {"equipment": "E-1", "runningMilliseconds": n}) for n in "12"]
    expect = wanted(*reads)
    course.event(expect)
    course.effect(expect, time=KILLED_AT - 60)
    course.effect(expect, time=KILLED_AT + 8)
    course.effect(expect, time=KILLED_AT + 9, action=1)

    assert course.verdict().kept


def test_a_safe_action_that_comes_again_though_it_was_committed_long_before_is_found() -> None:
    course = Course(kills=[KILLED_AT])
    expect = reading(1)
    course.event(expect)
    course.effect(expect, time=KILLED_AT - 11)
    course.effect(expect, time=KILLED_AT + 8)

    assert broken(course.verdict()) == {"repeated without bound"}


def test_an_effect_with_a_parameter_that_was_not_published_is_found() -> None:
    """The published one is lost with it."""
    course = Course()
    course.readings(2)
    changed = {**course.effects[1].parameters, "runningMilliseconds": "2"}
    course.effects[1] = replace(course.effects[1], parameters=changed)

    assert broken(course.verdict()) == {"wrong", "lost"}


@pytest.mark.parametrize("changed", [{"value": b"another"}, {"key": b"another"}, {"key": None}])
def test_a_letter_whose_key_or_value_is_not_the_published_one_is_found(
    changed: dict[str, Any],
) -> None:
    course = Course()
    letter = course.letter(course.event(Bury("invalid")), "invalid")
    course.letters[0] = replace(letter, **changed)

    assert broken(course.verdict()) == {"wrong"}


def test_a_letter_for_another_reason_than_the_events_own_is_found() -> None:
    course = Course()
    course.letter(course.event(Bury("invalid")), "internal")

    assert broken(course.verdict()) == {"wrong"}


@pytest.mark.parametrize("expect", [reading(1), Ignore(), Already()])
def test_a_letter_about_a_good_event_is_found(expect: Expectation) -> None:
    course = Course()
    course.letter(course.event(expect), "exhausted")

    assert broken(course.verdict()) == {"wrong"}


@pytest.mark.parametrize("place", [None, Place(EQUIPMENT, 9, 9)])
def test_a_letter_about_nothing_that_was_published_is_found(place: Place | None) -> None:
    course = Course()
    course.letters.append(Letter(place, "invalid", b"k", b"v"))

    assert broken(course.verdict()) == {"wrong"}


def test_a_letter_may_stand_twice() -> None:
    course = Course()
    event = course.event(Bury("invalid"))
    course.letter(event, "invalid")
    course.letter(event, "invalid")

    verdict = course.verdict()

    assert verdict.kept
    assert (verdict.lettered.total(), verdict.letters_twice) == (1, 1)


@pytest.mark.parametrize("took_effect", [True, False])
def test_nobody_knows_of_a_never_action_whether_it_was_applied(took_effect: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Its letter is no fault; the verdict says what was true."""
    course = Course(kills=[KILLED_AT])
    expect = technician(1)
    course.letter(course.event(expect), "unknown")
    if took_effect:
        course.effect(expect)

    verdict = course.verdict()

    assert verdict.kept
    assert (verdict.lettered["unknown"], verdict.unknown_applied) == (1, int(took_effect))


def test_a_never_action_is_buried_for_no_other_reason_of_the_services_own() -> None:
    course = Course(kills=[KILLED_AT])
    course.letter(course.event(technician(1)), "internal")

    assert broken(course.verdict()) == {"wrong"}


def test_a_safe_action_is_never_unknown() -> None:
    course = Course(kills=[KILLED_AT])
    course.letter(course.event(reading(1)), "unknown")

    assert broken(course.verdict()) == {"wrong"}


def test_an_event_that_the_group_has_not_committed_is_found() -> None:
    course = Course()
    course.event(Ignore())

    verdict = judge(Evidence(course.published, (), (), {(EQUIPMENT, 0): 0}))

    assert broken(verdict) == {"not committed"}


def test_two_events_that_want_the_same_effect_cannot_be_judged() -> None:
    course = Course()
    course.event(reading(1))
    course.event(reading(1))

    with pytest.raises(ValueError, match="same effect"):
        course.verdict()
