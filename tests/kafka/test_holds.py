"""What an operator may have passed over, and what not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from consumer.errors import SkipRefused
from consumer.kafka.holds import LOOK_AGAIN_AFTER, MOST_LETTERS, Hold, Holds
from consumer.model import Partition, Unreadable

P = Partition("orders", 1)
BATCH = Hold(5, "it is spoilt", 8)


@dataclass
class SetClock:
    at: float = 0.0

    def now(self) -> float:
        return self.at


def all_of(holds: Holds, position: int, room: int) -> tuple[list[Unreadable], int]:
    """What is passed over when it is asked for in helpings, and where reading goes on."""
    given: list[Unreadable] = []
    while helping := holds.passed_over(P, position, room):
        assert len(helping) <= room
        given += helping
        position = holds.position_after(P, helping[-1].offset)
    return given, position


@pytest.mark.parametrize("room", [1, 2, 500])
def test_each_offset_of_a_batch_is_passed_over_and_no_other(room: int) -> None:
    holds = Holds(SetClock())
    holds.hold(P, BATCH)

    said = holds.skip(P, 5)
    given, position = all_of(holds, 5, room)

    assert said == "orders/1: offsets 5 to 7 skipped, letters `skipped` record it"
    assert [each.offset for each in given] == [5, 6, 7]
    assert all(each.skipped and each.key is None and each.value is None for each in given)
    assert {each.detail for each in given} == {
        "skipped by an operator, offsets 5 to 7: it is spoilt"
    }
    assert position == 8


@pytest.mark.parametrize("offset", [4, 6, 8])
def test_a_command_for_another_offset_skips_nothing(offset: int) -> None:
    """It was given before somebody else skipped, or for another process's view."""
    holds = Holds(SetClock())
    holds.hold(P, BATCH)

    with pytest.raises(SkipRefused, match=f"is held at offset 5, not at {offset}"):
        holds.skip(P, offset)

    assert holds.passed_over(P, 5, 10) == []
    assert holds.reasons == {P: "it is spoilt"}


def test_what_does_not_stand_still_is_not_skipped() -> None:
    holds = Holds(SetClock())
    holds.hold(P, BATCH)
    holds.release(P)

    with pytest.raises(SkipRefused, match="orders/1 is not held"):
        holds.skip(P, 5)


def test_a_second_command_skips_nothing_more() -> None:
    holds = Holds(SetClock())
    holds.hold(P, BATCH)
    holds.skip(P, 5)

    with pytest.raises(SkipRefused, match="is not held"):
        holds.skip(P, 5)


def test_without_a_known_end_nothing_is_skipped_and_the_reason_is_said() -> None:
    holds = Holds(SetClock())
    holds.hold(P, Hold(5, "no READ on the topic"))

    with pytest.raises(SkipRefused, match="nothing of it can be skipped: no READ"):
        holds.skip(P, 5)


@pytest.mark.parametrize(
    "hold",
    [Hold(5, "deleted", 8, records=False), Hold(5, "huge", 5 + MOST_LETTERS + 1)],
    ids=["no records there", "more than letters can be written for"],
)
def test_one_letter_names_a_range(hold: Hold) -> None:
    holds = Holds(SetClock())
    holds.hold(P, hold)

    holds.skip(P, 5)
    (only,), position = all_of(holds, 5, 500)

    assert only.offset == 5
    assert hold.span in only.detail
    assert position == hold.end


def test_a_hold_is_looked_at_again_after_a_while_and_a_skip_at_once() -> None:
    clock = SetClock()
    holds = Holds(clock)
    holds.hold(P, BATCH)
    rested = holds.rests(P)
    clock.at += LOOK_AGAIN_AFTER

    assert rested
    assert not holds.rests(P)
    holds.hold(P, BATCH)
    holds.skip(P, 5)
    assert not holds.rests(P)


def test_what_was_to_be_skipped_is_forgotten_with_the_assignment() -> None:
    holds = Holds(SetClock())
    holds.hold(P, BATCH)
    holds.skip(P, 5)

    holds.clear()

    assert holds.passed_over(P, 5, 10) == []


def test_a_lasting_hold_outlasts_what_reading_finds_and_ends_by_itself_alone() -> None:
    clock = SetClock()
    holds = Holds(clock)
    holds.hold(P, BATCH)
    holds.hold(P, Hold(5, "its topic is gone", lasting=True))
    clock.at += 10 * LOOK_AGAIN_AFTER

    holds.hold(P, BATCH)
    holds.release(P)

    assert holds.rests(P)
    assert holds.reasons == {P: "its topic is gone"}
    holds.release(P, lasting=True)
    assert holds.reasons == {}


def test_a_lasting_hold_is_told_when_it_begins_and_when_its_reason_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    holds = Holds(SetClock())

    for why in ("gone", "gone", "made anew", "made anew"):
        holds.hold(P, Hold(5, why, lasting=True))

    assert [(each.getMessage(), each.__dict__["fields"]["why"]) for each in caplog.records] == [
        ("partition held", "gone"),
        ("partition held", "made anew"),
    ]


def test_a_topic_made_anew_rests_though_a_skip_was_not_done_with() -> None:
    """At the end of what is skipped the new topic would be read from there."""
    holds = Holds(SetClock())
    holds.hold(P, BATCH)
    holds.skip(P, 5)
    holds.hold(P, Hold(5, "its topic was made anew", lasting=True))

    assert holds.rests(P)
    holds.release(P, lasting=True)
    assert not holds.rests(P)
