"""Everything taken in and not yet settled: tenures, lanes, and their size. The one place that settles records."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from consumer.model import Partition, Prepared
from consumer.state.arrivals import Arrival, Arrivals
from consumer.state.lanes import Lanes
from consumer.state.limits import Limits
from consumer.state.tenure import Tenure


class Workload:
    """Holds each record from its intake until it is settled, or dropped with its tenure."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.lanes = Lanes(batch_size=limits.batch_size)
        self.tenures: dict[tuple[str, int], Tenure] = {}
        self.records = 0
        self.bytes = 0
        self.ahead = 0
        """How many of `records` are fetched but not taken in, being too far ahead of the first unsettled one."""
        self._arrivals: dict[Tenure, Arrivals] = {}
        self._begun: set[Prepared] = set()
        self._left_in_part: set[Prepared] = set()
        self._claimed: set[Prepared] = set()
        self._keepers: dict[Prepared, None] = {}

    @property
    def room(self) -> int:
        """How many more records may be taken in; 0 when the bytes are used up."""
        if self.bytes >= self.limits.max_bytes:
            return 0
        return max(0, self.limits.max_records - self.records)

    @property
    def partitions(self) -> list[Partition]:
        """The partitions that are assigned now."""
        return [tenure.partition for tenure in self.tenures.values()]

    @property
    def all_tenures(self) -> list[Tenure]:
        """The tenures of all partitions that are assigned now."""
        return list(self.tenures.values())

    def arrived(self, tenure: Tenure, offset: int, timestamp: int, now: float) -> None:
        """This is the first record that a poll returned for the tenure."""
        arrivals = self._arrivals.setdefault(tenure, Arrivals())
        arrivals.note(offset, timestamp, now, settled=tenure.ledger.watermark)

    def oldest(self, tenure: Tenure) -> Arrival | None:
        """The mark for its oldest unsettled record; None: everything taken in is settled."""
        arrivals = self._arrivals.get(tenure)
        if arrivals is None or not tenure.ledger.unsettled:
            return None
        return arrivals.oldest(tenure.ledger.watermark)

    def took(self, size: int) -> None:
        """A record was taken in."""
        self.records += 1
        self.bytes += size

    def shed(self, size: int) -> None:
        """A record is settled or dropped."""
        self.records -= 1
        self.bytes -= size

    def finish(self, entry: Prepared) -> None:
        """The record is settled: applied, or its letter is acknowledged. Its lane goes on."""
        owner(entry).settled(entry.record.offset)
        self.records -= 1
        self.bytes -= entry.size
        if entry.claim is not None:
            self._claimed.discard(entry)
        if entry.applied:
            self._begun.discard(entry)
        self.lanes.settle(entry)

    def settle(self, entries: Iterable[Prepared]) -> None:
        """An action of each took effect. Nearly every record comes through here, so each step costs."""
        done: dict[Tenure, list[int]] = {}
        offsets: list[int] = []
        latest, settle = None, self.lanes.settle
        for entry in entries:
            if len(entry.calls) != 1 or entry.claim is not None:
                self.advance(entry)
                continue
            entry.applied = 1
            # Records of one partition mostly come together.
            if entry.tenure is not latest:
                latest = owner(entry)
                offsets = done.setdefault(latest, [])
            offsets.append(entry.record.offset)
            self.bytes -= entry.size
            settle(entry)
        for tenure, offsets in done.items():
            tenure.all_settled(offsets)
            self.records -= len(offsets)

    def advance(self, entry: Prepared) -> None:
        """One action of the record took effect; with the last one the record is settled."""
        entry.applied += 1
        if entry.applied == len(entry.calls):
            self.finish(entry)
        elif barred(entry):
            # Nobody will go on with it here, and its lane must not wait for that.
            self.abandon(entry)
        else:
            # The next owner would start again with its first action, so a drain waits for the rest.
            self._begun.add(entry)
            # Each action has its own attempts: one that took three does not use up the next one's.
            entry.charged = 0
            entry.alone = False
            if entry.not_before:
                # An attempt without an answer may take effect until then, and overwrite the next action.
                self.lanes.later(entry, entry.not_before)
            else:
                self.lanes.ready(entry)

    def begun(self, tenures: Collection[Tenure]) -> list[Prepared]:
        """Records of these that are partly applied: their first action is, their last one is not."""
        return [entry for entry in self._begun if owner(entry) in tenures]

    def in_part(self, tenures: Collection[Tenure]) -> list[Prepared]:
        """As `begun`, with those that were abandoned since: the next owner begins with their first action."""
        left = [entry for entry in self._left_in_part if owner(entry) in tenures]
        return self.begun(tenures) + left

    def abandon(self, entry: Prepared) -> None:
        """Leave a record in hand, whose tenure is ending, to the next owner, unsent."""
        self.release(entry)
        if entry in self._begun:
            self._begun.discard(entry)
            if not owner(entry).lost:
                self._left_in_part.add(entry)
        self.shed(entry.size)
        self.lanes.settle(entry)

    # Claims. A durable one is kept while its record waits for the next try. It is dropped when the gate closes,
    # since a kill during an outage must not make every waiting record unknown; and when more are claimed than
    # the slots can send, to bound how many a kill makes unknown.

    def claim(self, entries: Collection[Prepared]) -> None:
        """These are about to be claimed, or are in hand again under a claim that they kept."""
        for entry in entries:
            self._keepers.pop(entry, None)
        self._claimed.update(entries)
        most = self.limits.max_in_flight * self.limits.batch_size
        while len(self._claimed) > most and self._keepers:
            self.release(next(iter(self._keepers)))

    def keep(self, entry: Prepared) -> None:
        """A claimed record waits for its next try. It was certainly not executed, so its claim could be dropped."""
        if entry.claim is not None and not entry.suspect:
            self._keepers[entry] = None

    def release_kept(self, action: str | None) -> None:
        """The gate closed for this action type (None: for all)."""
        for entry in [e for e in self._keepers if action in (None, e.call.action.name)]:
            self.release(entry)

    def release(self, entry: Prepared) -> None:
        """Drop the claim of a record that was certainly not executed; a suspect keeps its claim."""
        if entry.claim is None:
            return
        self._keepers.pop(entry, None)
        self._claimed.discard(entry)
        if entry.suspect:
            return
        entry.claim = None
        owner(entry).release(entry.record.offset)

    def of(self, partitions: Collection[Partition]) -> list[Tenure]:
        """The present tenures of these partitions."""
        return [self.tenures[p] for p in partitions if p in self.tenures]

    def end(self, tenures: Collection[Tenure], *, lost: bool = False) -> None:
        """Nothing more of these is sent; what is queued of them is dropped."""
        for tenure in tenures:
            tenure.end(lost=lost)
        for entry in self.lanes.drop(barred):
            self.release(entry)
            self._begun.discard(entry)
            self.shed(entry.size)

    def forget(self, tenures: Collection[Tenure]) -> None:
        """They are over: what finishes late ends in an orphaned tenure."""
        for tenure in tenures:
            tenure.end(lost=True)
            if self.tenures.get(tenure.partition) is tenure:
                del self.tenures[tenure.partition]
            self._arrivals.pop(tenure, None)
        self._left_in_part.difference_update(self.in_part(tenures))
        for entry in self.lanes.drop(barred):
            self._begun.discard(entry)
            self.shed(entry.size)


def owner(entry: Prepared) -> Tenure:
    """The tenure that a record was taken in under."""
    return entry.tenure  # type: ignore[return-value]  # set at intake, before anybody sees the record


def owners(entries: Iterable[Prepared]) -> set[Tenure]:
    """The tenures of these."""
    return {entry.tenure for entry in entries}  # type: ignore[misc]  # as above


def barred(entry: Prepared) -> bool:
    """Nothing of it may be sent: its tenure is over, or is ending and the record is not partly applied."""
    tenure = owner(entry)
    return tenure.lost or tenure.over or (tenure.ending and not entry.applied)
