"""Order per key in the verdict of the demo, replays after a kill included."""

from __future__ import annotations

from dataclasses import replace

from tests.demo.course import KILLED_AT, Course, broken, reading, technician


def test_two_effects_of_one_key_that_are_swapped_are_found() -> None:
    course = Course()
    course.readings(3)
    first, second, third = course.effects
    course.effects = [first, replace(third, sequence=2), replace(second, sequence=3)]

    assert broken(course.verdict()) == {"out of order"}


def test_a_swap_of_what_nothing_sets_a_value_with_is_found_as_well() -> None:
    course = Course()
    expected = [technician(1), technician(2)]
    for each in expected:
        course.event(each)
    for each in reversed(expected):
        course.effect(each)

    assert broken(course.verdict()) == {"out of order"}


def test_effects_of_different_keys_have_no_order() -> None:
    course = Course()
    expected = [reading(1), reading(2)]
    for number, each in enumerate(expected):
        course.event(each, key=f"E-{number}")
    for each in reversed(expected):
        course.effect(each)

    assert course.verdict().kept


def test_a_replay_that_does_not_end_with_the_last_event_is_found() -> None:
    course = Course(kills=[KILLED_AT])
    expected = course.readings(3)
    course.effect(expected[0], time=KILLED_AT + 8)

    assert broken(course.verdict()) == {"out of order"}


def test_a_replay_leaves_out_what_is_done_once_only() -> None:
    course = Course(kills=[KILLED_AT])
    expected = [reading(1), technician(1)]
    for each in expected:
        course.event(each)
        course.effect(each)
    course.effect(expected[0], time=KILLED_AT + 8)

    assert course.verdict().kept


def test_a_key_goes_back_as_often_as_there_were_kills_and_no_more() -> None:
    course = Course(kills=[KILLED_AT])
    expected = course.readings(2)
    for time in (KILLED_AT + 8, KILLED_AT + 9):
        for each in expected:
            course.effect(each, time=time)

    assert "out of order" in broken(course.verdict())


def test_a_kill_excuses_no_swap() -> None:
    course = Course(kills=[KILLED_AT])
    expected = [technician(1), technician(2)]
    for each in expected:
        course.event(each)
    for each in reversed(expected):
        course.effect(each)

    assert broken(course.verdict()) == {"out of order"}


def test_an_effect_that_was_left_out_at_first_and_came_with_the_replay_is_found() -> None:
    course = Course(kills=[KILLED_AT])
    first, second, third = (reading(number) for number in range(3))
    for each in (first, second, third):
        course.event(each)
    for each in (first, third):
        course.effect(each)
    for each in (first, second, third):
        course.effect(each, time=KILLED_AT + 8)

    assert broken(course.verdict()) == {"out of order"}
