"""A ledger's whole life, against a naive model of what really happened."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consumer.state.ledger import Ledger, Snapshot, Standing
from consumer.state.offset_codec import Known, decode, encode


def offsets_of(bitmap: int, origin: int) -> set[int]:
    return {origin + bit for bit in range(bitmap.bit_length()) if bitmap >> bit & 1}


@dataclass
class Truth:
    """What really happened, in sets: the naive model."""

    position: int = 0
    settled: set[int] = field(default_factory=set)
    claims: set[int] = field(default_factory=set)
    undone: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)

    @property
    def watermark(self) -> int:
        return min(self.undone | self.gone, default=self.position)

    def jump(self, offset: int) -> None:
        if offset > self.position:
            self.gone |= {claim for claim in self.claims if self.position <= claim < offset}
            self.position = offset


class LedgerLife(RuleBasedStateMachine):
    """One partition through receives, settles, claims, compaction, kills and new owners."""

    @initialize(
        start=st.integers(0, 3),
        steps=st.lists(st.one_of(st.integers(1, 2), st.integers(1, 40)), min_size=8, max_size=50),
        max_span=st.integers(1, 30),
    )
    def begin(self, start: int, steps: list[int], max_span: int) -> None:
        self.log = [start + sum(steps[:count]) for count in range(len(steps))]
        self.max_span = max_span
        self.ledger = Ledger(start, max_span=max_span)
        self.truth = Truth(position=start)
        self.inherited_end = start
        self.inherited_done: set[int] = set()
        self.highest_watermark = start
        self.commits: list[tuple[Snapshot, Truth]] = []

    @rule(count=st.integers(1, 4))
    def receive(self, count: int) -> None:
        for offset in [offset for offset in self.log if offset >= self.truth.position][:count]:
            if not self._received(offset):
                break  # records behind it wait with it: to pass it would say that it does not exist

    def _received(self, offset: int) -> bool:
        truth = self.truth
        fits = self.ledger.fits(offset)
        truth.jump(offset)
        assert fits == (offset - truth.watermark < self.max_span)
        if not fits:
            with pytest.raises(ValueError, match="span"):
                self.ledger.receive(offset)
            return False
        expected = (
            Standing.DONE
            if offset in truth.settled
            else Standing.SUSPECT
            if offset in truth.claims
            else Standing.NEW
        )
        assert self.ledger.receive(offset) is expected
        truth.position = offset + 1
        if expected is not Standing.DONE:
            truth.undone.add(offset)
        return True

    @precondition(lambda self: self.truth.undone)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        undone = st.sampled_from(sorted(self.truth.undone))
        offsets = data.draw(st.lists(undone, min_size=1, max_size=4, unique=True))
        self.ledger.all_done(offsets)
        self.truth.undone.difference_update(offsets)
        self.truth.claims.difference_update(offsets)
        self.truth.settled.update(offsets)

    @precondition(lambda self: self.truth.gone)
    @rule(data=st.data())
    def settle_a_lost_one(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(sorted(self.truth.gone)))
        self.ledger.done(offset)
        self.truth.gone.discard(offset)
        self.truth.claims.discard(offset)
        self.truth.settled.add(offset)

    @precondition(lambda self: self.truth.undone)
    @rule(data=st.data(), wanted=st.booleans())
    def claim_or_release(self, data: st.DataObject, wanted: bool) -> None:  # noqa: FBT001 - drawn
        offset = data.draw(st.sampled_from(sorted(self.truth.undone)))
        if wanted:
            self.ledger.claim(offset)
            self.truth.claims.add(offset)
        else:
            self.ledger.release(offset)
            self.truth.claims.discard(offset)

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def compact(self, data: st.DataObject) -> None:
        """A record vanishes from the log; who has it already keeps it."""
        self.log.remove(data.draw(st.sampled_from(self.log)))

    @rule(ahead=st.integers(-5, 60))
    def expire(self, ahead: int) -> None:
        start = self.truth.position + ahead
        self.log = [offset for offset in self.log if offset >= start]
        before = set(self.truth.gone)
        self.truth.jump(start)
        assert self.ledger.skip_to(start) == sorted(self.truth.gone - before)

    @rule()
    def commit(self) -> None:
        self.commits.append((self.ledger.snapshot(), copy.deepcopy(self.truth)))

    @precondition(lambda self: self.commits)
    @rule(max_span=st.integers(1, 30), drained=st.booleans())
    def restart(self, max_span: int, drained: bool) -> None:  # noqa: FBT001 - drawn
        """A new owner knows the last commit, and nothing else."""
        snapshot, then = self.commits[-1]
        known = decode(encode(snapshot.done, snapshot.claims, drained=drained))
        assert known == Known(snapshot.done, snapshot.claims, drained=drained)
        self.ledger = Ledger(snapshot.offset, known, max_span=max_span)
        self.max_span = max_span
        self.truth = Truth(snapshot.offset, set(then.settled), set(then.claims))
        width = max(snapshot.done.bit_length(), snapshot.claims.bit_length())
        self.inherited_end = snapshot.offset + width
        self.inherited_done = offsets_of(snapshot.done, snapshot.offset)
        self.highest_watermark = snapshot.offset

    @rule(max_span=st.integers(1, 30))
    def hand_over(self, max_span: int) -> None:
        self.commit()
        self.restart(max_span, drained=True)

    @invariant()
    def it_agrees_with_the_truth(self) -> None:
        ledger, truth = self.ledger, self.truth
        open_offsets = truth.undone | truth.gone
        assert ledger.position == truth.position
        assert ledger.watermark == truth.watermark
        assert ledger.unsettled == len(open_offsets)
        assert ledger.span == truth.position - truth.watermark
        assert ledger.room == max(0, self.max_span - ledger.span)
        assert bool(ledger.snapshot().claims) == bool(truth.claims)
        assert all(ledger.claimed(offset) == (offset in truth.claims) for offset in self.log)

    @invariant()
    def the_watermark_never_goes_back(self) -> None:
        assert self.ledger.watermark >= self.highest_watermark
        self.highest_watermark = self.ledger.watermark

    @invariant()
    def a_snapshot_forgets_nothing_and_invents_nothing(self) -> None:
        snapshot, truth = self.ledger.snapshot(), self.truth
        done = offsets_of(snapshot.done, snapshot.offset)
        settled_above = {offset for offset in truth.settled if offset >= snapshot.offset}
        existed = truth.settled | truth.undone | truth.gone | truth.claims

        assert snapshot.offset == truth.watermark
        assert offsets_of(snapshot.claims, snapshot.offset) == truth.claims
        assert settled_above <= done
        assert done & existed == settled_above
        assert {offset for offset in done if offset >= truth.position} <= self.inherited_done
        assert max(snapshot.done, snapshot.claims).bit_length() <= max(
            self.max_span, self.inherited_end - snapshot.offset
        )


LedgerLife.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLedgerLife = LedgerLife.TestCase
