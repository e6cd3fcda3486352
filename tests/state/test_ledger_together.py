"""Records that one request settles are settled in the ledger together, as if one after another."""

from __future__ import annotations

import pytest

from consumer.state.ledger import Ledger, Snapshot


def received(count: int) -> Ledger:
    ledger = Ledger(0, max_span=100)
    for offset in range(count):
        ledger.receive(offset)
    return ledger


def test_what_is_done_together_moves_the_watermark_in_whatever_order_it_is_told() -> None:
    ledger = received(4)
    ledger.claim(1)

    ledger.all_done((2, 0, 1))

    assert (ledger.watermark, ledger.unsettled) == (3, 1)
    assert ledger.snapshot() == Snapshot(3, done=0, claims=0)


def test_among_what_is_done_together_the_impossible_is_refused() -> None:
    ledger = received(3)

    for impossible in ((2, 2), (1, 3), (0, -1)):
        with pytest.raises(ValueError, match=f"{impossible[1]} "):
            ledger.all_done(impossible)

    assert (ledger.watermark, ledger.unsettled) == (0, 0)
