"""A partition's ledger: nothing done is forgotten, nothing undone is passed."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, strategies as st

from consumer.state.ledger import Ledger, Snapshot, Standing
from consumer.state.offset_codec import MAX_SPAN, Known


def bits(*offsets: int) -> int:
    return sum(1 << offset for offset in offsets)


def received(*offsets: int, max_span: int = 100) -> Ledger:
    ledger = Ledger(0, max_span=max_span)
    for offset in offsets:
        ledger.receive(offset)
    return ledger


def test_the_watermark_waits_for_the_first_undone_record() -> None:
    ledger = received(0, 1, 2, 3)

    ledger.done(1)
    ledger.done(2)
    held = (ledger.watermark, ledger.unsettled, ledger.span)
    ledger.done(0)
    moved = (ledger.watermark, ledger.unsettled, ledger.span)
    ledger.done(3)
    ended = (ledger.watermark, ledger.unsettled, ledger.span)

    assert held == (0, 2, 4)
    assert moved == (3, 1, 1)
    assert ended == (4, 0, 0)


def test_a_snapshot_carries_done_and_claims_above_the_watermark() -> None:
    ledger = received(0, 1, 2, 3, 4)

    ledger.done(0)
    ledger.done(2)
    ledger.claim(3)
    ledger.claim(4)
    ledger.done(4)

    assert ledger.snapshot() == Snapshot(1, done=bits(1, 3), claims=bits(2))


def test_offsets_that_do_not_exist_count_as_done() -> None:
    ledger = received(0)

    ledger.receive(5)
    ledger.done(5)
    held = ledger.snapshot()
    ledger.done(0)

    assert held == Snapshot(0, done=bits(1, 2, 3, 4, 5), claims=0)
    assert ledger.snapshot() == Snapshot(6, 0, 0)


def test_a_claim_stays_until_done_or_released() -> None:
    ledger = received(0, 1)

    ledger.claim(0)
    ledger.claim(0)
    ledger.claim(1)
    both = (ledger.claimed(0), ledger.claimed(1))
    ledger.release(0)
    ledger.release(0)
    ledger.done(1)

    assert both == (True, True)
    assert (ledger.claimed(0), ledger.claimed(1)) == (False, False)
    assert ledger.snapshot() == Snapshot(0, done=bits(1), claims=0)


def test_what_a_former_owner_did_is_recognised() -> None:
    ledger = Ledger(10, Known(done=bits(1, 4), claims=bits(0, 3), drained=False), max_span=100)

    standings = [ledger.receive(offset) for offset in range(10, 17)]

    assert standings == [
        Standing.SUSPECT,
        Standing.DONE,
        Standing.NEW,
        Standing.SUSPECT,
        Standing.DONE,
        Standing.NEW,
        Standing.NEW,
    ]
    assert ledger.unsettled == 5
    assert ledger.snapshot() == Snapshot(10, done=bits(1, 4), claims=bits(0, 3))


def test_what_a_former_owner_did_further_on_is_handed_on_unread() -> None:
    """The next owner's first commit must not erase what it has not come to yet."""
    ledger = Ledger(10, Known(done=bits(5, 7), claims=bits(6), drained=False), max_span=100)

    ledger.receive(10)
    ledger.receive(11)
    ledger.done(10)

    assert ledger.snapshot() == Snapshot(11, done=bits(4, 6), claims=bits(5))
    assert ledger.span == 1


def test_done_outweighs_a_claim_of_the_same_offset() -> None:
    ledger = Ledger(0, Known(done=bits(0), claims=bits(0), drained=False), max_span=100)

    assert ledger.receive(0) is Standing.DONE
    assert ledger.snapshot() == Snapshot(1, 0, 0)


def test_knowing_that_nothing_is_known_changes_nothing() -> None:
    ledger = Ledger(7, Known(0, 0, drained=True), max_span=100)

    assert ledger.snapshot() == Snapshot(7, 0, 0)
    assert ledger.receive(7) is Standing.NEW


def test_a_claimed_record_that_the_log_lost_holds_the_watermark() -> None:
    """It may have been applied, so somebody must write its letter: it is not simply passed."""
    ledger = Ledger(0, Known(done=0, claims=bits(1, 3), drained=False), max_span=100)

    ledger.receive(0)
    ledger.receive(4)
    ledger.done(0)
    ledger.done(4)
    lost = (ledger.watermark, ledger.unsettled, ledger.snapshot())
    ledger.done(1)
    ledger.done(3)

    assert lost == (1, 2, Snapshot(1, done=bits(1, 3), claims=bits(0, 2)))
    assert ledger.snapshot() == Snapshot(5, 0, 0)


def test_each_lost_claim_is_told_once() -> None:
    """Told twice it would get two letters."""
    ledger = Ledger(0, Known(done=0, claims=bits(1, 3, 7), drained=False), max_span=100)

    told = [ledger.skip_to(2), ledger.skip_to(2), ledger.skip_to(5), ledger.skip_to(6)]

    assert told == [[1], [], [3], []]
    assert ledger.unsettled == 2


def test_a_lost_claim_cannot_be_released() -> None:
    ledger = Ledger(0, Known(done=0, claims=bits(0), drained=False), max_span=100)
    ledger.skip_to(9)

    with pytest.raises(ValueError, match="gone"):
        ledger.release(0)

    assert ledger.claimed(0)


def test_skipping_forward_settles_only_what_was_not_received() -> None:
    ledger = received(0, 1)

    ledger.skip_to(50)
    ledger.skip_to(20)
    held = (ledger.position, ledger.watermark)
    ledger.done(0)
    ledger.done(1)

    assert held == (50, 0)
    assert (ledger.position, ledger.watermark, ledger.room) == (50, 50, 100)


def test_a_jump_of_any_length_costs_no_memory() -> None:
    ledger = Ledger(0, Known(done=bits(3), claims=bits(5), drained=False), max_span=100)

    foreseen = ledger.fits(10**12)
    ledger.skip_to(10**12)
    with_a_suspect = (ledger.fits(10**12), ledger.room, ledger.snapshot().offset)
    ledger.done(5)

    assert not foreseen
    assert with_a_suspect == (False, 0, 5)
    assert ledger.fits(10**15)
    assert ledger.receive(10**15) is Standing.NEW
    assert ledger.watermark == 10**15
    assert len(ledger._states) < 10


def test_a_jump_fits_if_the_claim_left_behind_is_near_enough() -> None:
    known = Known(done=0, claims=bits(13), drained=False)

    foreseen = {at: Ledger(0, known, max_span=10).fits(at) for at in (22, 23)}

    assert foreseen == {22: True, 23: False}
    assert Ledger(0, known, max_span=10).receive(22) is Standing.NEW
    with pytest.raises(ValueError, match="span"):
        Ledger(0, known, max_span=10).receive(23)


def test_the_span_is_bounded() -> None:
    ledger = received(0, max_span=10)

    rooms = [ledger.room]
    for offset in range(1, 10):
        ledger.receive(offset)
        rooms.append(ledger.room)

    assert rooms == list(range(9, -1, -1))
    assert not ledger.fits(10)
    with pytest.raises(ValueError, match="span"):
        ledger.receive(10)
    ledger.done(0)
    assert ledger.fits(10)
    assert ledger.room == 1


def test_a_record_that_did_not_fit_is_received_later() -> None:
    ledger = received(0, max_span=10)
    with pytest.raises(ValueError, match="span"):
        ledger.receive(30)

    ledger.done(0)

    assert ledger.receive(30) is Standing.NEW
    assert ledger.snapshot() == Snapshot(30, 0, 0)


def test_inherited_knowledge_wider_than_the_span_does_not_stop_intake() -> None:
    ledger = Ledger(0, Known(done=bits(MAX_SPAN - 1), claims=0, drained=False), max_span=10)

    assert ledger.room == 10
    assert ledger.snapshot().done.bit_length() == MAX_SPAN


@pytest.mark.parametrize("max_span", [0, -1, MAX_SPAN + 1])
def test_a_span_that_may_not_fit_is_refused(max_span: int) -> None:
    with pytest.raises(ValueError, match="max_span"):
        Ledger(0, max_span=max_span)


def test_impossible_calls_are_refused_and_change_nothing() -> None:
    ledger = received(0, 1, 5)
    ledger.done(1)
    before = ledger.snapshot()

    for change in (ledger.done, ledger.claim, ledger.release):
        for offset in (-1, 1, 3, 6, 100):
            with pytest.raises(ValueError, match=f"{offset} "):
                change(offset)
    with pytest.raises(ValueError, match="again"):
        ledger.receive(5)

    assert ledger.snapshot() == before
    assert (ledger.claimed(-1), ledger.claimed(100)) == (False, False)


def test_a_long_life_keeps_the_memory_small() -> None:
    ledger = Ledger(0, max_span=MAX_SPAN)

    for offset in range(40_000):
        ledger.receive(offset)
        if offset >= 5:
            ledger.done(offset - 5)

    assert ledger.watermark == 39_995
    assert len(ledger._states) < 5_000
    with pytest.raises(ValueError, match="done"):
        ledger.done(17)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_in_whatever_order_all_is_done_the_watermark_ends_at_the_position(
    steps: list[int], random: Random
) -> None:
    ledger = Ledger(0, max_span=MAX_SPAN)
    offsets = [sum(steps[: count + 1]) for count in range(len(steps))]
    for offset in offsets:
        ledger.receive(offset)

    random.shuffle(offsets)
    for offset in offsets:
        ledger.done(offset)

    assert ledger.watermark == ledger.position
    assert ledger.snapshot() == Snapshot(ledger.position, 0, 0)
