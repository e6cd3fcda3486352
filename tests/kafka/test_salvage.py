"""Which fault is told of what the library could not read: without a broker."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.kafka import batches
from consumer.kafka.batches import TooManyRecords
from consumer.kafka.holds import Hold
from consumer.kafka.library import inside
from consumer.kafka.salvage import past_the_library
from consumer.model import Partition
from tests.kafka.raw import batch

P = Partition("orders", 1)
NOBODY: Any = None
"""No consumer: what it would fetch is given."""


@pytest.fixture
def three_in_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are read at one go past the library; the batch behind them is spoilt."""
    spoilt = bytearray(batch((b"k", b"v", ()), base_offset=3))
    spoilt[-1] ^= 0xFF
    raw = inside.RawFetch(batch(*[(b"k", b"v", ())] * 3) + bytes(spoilt), ())

    async def fetch_raw(*_: object) -> inside.RawFetch:
        return raw

    monkeypatch.setattr(batches, "MOST_RECORDS", 2)
    monkeypatch.setattr(inside, "fetch_raw", fetch_raw)


@pytest.mark.usefixtures("three_in_a_batch")
async def test_a_batch_that_was_not_looked_into_is_no_faulty_one() -> None:
    """The fault stands behind it: it is to be read by the library, and not to be skipped by an operator."""
    with pytest.raises(TooManyRecords):
        await past_the_library(NOBODY, P, 0, asked_for=2)


@pytest.mark.usefixtures("three_in_a_batch")
async def test_where_one_record_alone_cannot_be_read_its_batch_is_faulty() -> None:
    hold = await past_the_library(NOBODY, P, 1, asked_for=1)

    assert isinstance(hold, Hold)
    assert (hold.offset, hold.end) == (1, 3)
