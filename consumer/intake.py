"""Records in: polled for as far as there is room, prepared once, and put in their lanes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import Final

from consumer.bury import Bury
from consumer.errors import Rejected
from consumer.model import Ignored, Partition, PlainRecord, Prepared, Record, Unreadable
from consumer.pipeline import Prepare
from consumer.ports import Source, Watch
from consumer.state.ledger import Standing
from consumer.state.tenure import Claim, Tenure
from consumer.state.workload import Workload
from consumer.submit import Submit

_POLL_WAIT: Final = 0.5
_FULL_WAIT: Final = 0.02
"""Seconds between two polls while nothing may be taken in: what is queued lasts longer than that."""
_POLL_RECORDS: Final = 500
"""Records prepared in one go: a few milliseconds during which nothing else runs."""
# Looking up a member on an Enum class costs as much as a call, and it is done for each record.
_DONE, _SUSPECT = Standing.DONE, Standing.SUSPECT
_RECORD_COST: Final = 512
"""Bytes that a record costs on top of its key and value: headers and objects."""
_FIRST_GUESS: Final = 16_384
"""Bytes of a record, until one has been seen."""


class Intake:
    """The only place that polls. Back-pressure means wanting no records; the polling itself never stops."""

    def __init__(
        self,
        source: Source,
        prepare: Prepare,
        watch: Watch,
        workload: Workload,
        bury: Bury,
        submit: Submit,
        *,
        paused: Callable[[], bool],
        kept_back: Callable[[], Collection[Tenure]],
    ) -> None:
        """`kept_back`: tenures with records that wait behind a gate closed for their action type alone."""
        self._source = source
        self._prepare = prepare
        self._watch = watch
        self._workload = workload
        self._bury = bury
        self._wake = submit.wake
        self._paused = paused
        self._kept_back = kept_back
        self._look_ahead = submit.look_ahead
        self._hungry = submit.hungry
        self._now = asyncio.get_running_loop().time
        self._stuck: set[Partition] = set()
        self._size_seen = _FIRST_GUESS
        self._taken_at = 0.0
        self._leaving_room = False
        # Fetched, but too far ahead of the first unsettled record to be recorded in the commit's metadata.
        self._ahead: dict[Tenure, deque[Record | Unreadable]] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take in nothing more; `run` returns after the poll that is under way."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until stopped. Must not be cancelled: the source may be in the middle of a rebalance."""
        while not self._stopping.is_set():
            await self._until_hungry()
            wanted = self._wanted()
            # What these bring may belong to the closed type too: a quarter leaves enough room for the others.
            most = self._poll_size(shared_by=4 * len(wanted) if self._leaving_room else 1)
            records = await self._source.poll(wanted, most, self._wait(wanted))
            if self._stopping.is_set():
                return
            self._take(records)
            ahead = bool(self._ahead)
            if ahead:
                self._catch_up()
            self._move_on(wanted)
            self._say_stuck()
            if records or ahead:
                self._wake()
                # A source with records at hand returns without yielding to the event loop.
                await asyncio.sleep(0)

    def _wait(self, wanted: Collection[Partition]) -> float:
        """Seconds that a poll may last."""
        if not self._hungry.is_set():
            return 0.0  # `_until_hungry` has waited already
        if not wanted and self._paused():
            return _POLL_WAIT  # minutes or hours: there is no hurry
        if self._ahead or self._leaving_room or (self._workload.tenures and not wanted):
            return _FULL_WAIT
        return _POLL_WAIT

    async def _until_hungry(self) -> None:
        """Wait while enough is ready to be sent, but not for long: the group must see us poll."""
        self._look_ahead()
        if self._hungry.is_set():
            return
        try:
            async with asyncio.timeout(_FULL_WAIT):
                await self._hungry.wait()
        except TimeoutError:
            pass

    def _poll_size(self, *, shared_by: int) -> int:
        """How many records to ask for: as many as fit, assuming they are the size of those at hand."""
        work = self._workload
        each = max(_RECORD_COST, work.bytes // work.records if work.records else self._size_seen)
        bytes_left = work.limits.max_bytes - work.bytes
        # A quarter at most: who has to leave room for others must be found out before there is none.
        most = min(_POLL_RECORDS, work.limits.max_records // 4)
        return max(1, min(work.room // shared_by, most, bytes_left // each // shared_by))

    def _wanted(self) -> list[Partition]:
        tenures = self._workload.tenures.values()
        self._leaving_room = False
        # A small poll costs as much as a large one: wait until a twentieth is free.
        if self._workload.room * 20 < self._workload.limits.max_records:
            return []
        if not self._hungry.is_set() or self._paused():
            return []
        readable = [t for t in tenures if t.readable and t not in self._ahead]
        return [t.partition for t in self._room_left(readable)]

    def _room_left(self, readable: list[Tenure]) -> list[Tenure]:
        """Once half of the room is used, partitions that would fill it leave the rest to the others, or all would stop.

        Those are the partitions with records behind one type's closed gate, and those that hold a quarter of all
        records: a single stuck lane fills up with everything that is read of it.
        """
        work, limits = self._workload, self._workload.limits
        if work.records * 2 < limits.max_records and work.bytes * 2 < limits.max_bytes:
            return readable
        kept_back, most = self._kept_back(), work.records // 4
        open_ = [tenure for tenure in readable if tenure not in kept_back]
        others = [tenure for tenure in open_ if tenure.ledger.unsettled <= most] or open_
        self._leaving_room = bool(others) and len(others) < len(readable)
        return others or readable

    def _move_on(self, wanted: list[Partition]) -> None:
        """Move past offsets that never come as records, so that the watermark reaches the end of the log."""
        for partition in wanted:
            tenure = self._workload.tenures.get(partition)
            if tenure is None or tenure.ending or tenure in self._ahead:
                continue
            position = self._source.position(partition)
            if position > tenure.ledger.position:
                self._pass_over(tenure, position)

    def _catch_up(self) -> None:
        """Take in what was too far ahead, now that the first unsettled record may have moved on."""
        for tenure, records in list(self._ahead.items()):
            while records and (tenure.ending or self._receive(records[0], tenure)):
                self._workload.shed(_size(records.popleft()))
                self._workload.ahead -= 1
            if not records:
                del self._ahead[tenure]

    def _say_stuck(self) -> None:
        stuck = self._source.stuck
        for partition, why in stuck.items():
            if partition not in self._stuck:
                self._watch.held(partition, why)
        self._stuck = set(stuck)

    def _take(self, records: Iterable[Record | Unreadable]) -> None:
        tenures, ahead = self._workload.tenures, self._ahead
        self._taken_at = self._now()
        tenure = topic = number = None
        for record in records:
            # Records of one partition come one after another.
            if record.partition != number or record.topic != topic:
                topic, number = record.topic, record.partition
                tenure = tenures.get((topic, number))
                if tenure is not None and not tenure.ending:
                    self._workload.arrived(tenure, record.offset, record.timestamp, self._taken_at)
            if tenure is None or tenure.ending:
                continue  # fetched before the revocation: the next owner reads it
            if (ahead and tenure in ahead) or not self._receive(record, tenure):
                ahead.setdefault(tenure, deque()).append(record)
                self._workload.took(_size(record))
                self._workload.ahead += 1
        if self._workload.records:
            self._size_seen = self._workload.bytes // self._workload.records

    def _receive(self, record: Record | Unreadable, tenure: Tenure) -> bool:
        """False: the span up to this record does not fit into the commit's metadata; it has to wait."""
        ledger, offset = tenure.ledger, record.offset
        if offset > ledger.position:
            # A gap: compaction, or transaction markers.
            self._pass_over(tenure, offset)
        if not ledger.fits(offset):
            return False
        standing = ledger.receive(offset)
        if standing is _DONE:
            tenure.changes += 1  # the watermark may have passed it, which is to be committed
            return True
        # The boundary of one record: after a bug of ours it is tried once more, then becomes a letter; the others go on.
        try:
            prepared = self._prepare(record)
        except Exception:  # noqa: BLE001 - see above
            prepared = self._prepare_once_more(record)
        if type(prepared) is Prepared:
            self._admit(prepared, tenure, standing)
        else:
            self._turn_away(record, prepared, tenure, standing)
        return True

    def _admit(self, prepared: Prepared, tenure: Tenure, standing: Standing) -> None:
        prepared.tenure = tenure
        prepared.taken_at = self._taken_at
        if tenure.all_held_until and tenure.all_held_until > self._now():
            # What the former owner sent may still take effect: nothing may overtake it in its lane.
            self._workload.lanes.hold(prepared.lane, tenure.all_held_until)
        if standing is _SUSPECT:
            # Even where its contract says by now that a repeat does no harm: that is about the new action.
            prepared.suspect = True
            prepared.not_before = tenure.suspects_until
            prepared.claim = Claim(durable=True)  # it was found in the store
        work = self._workload
        work.records += 1
        work.bytes += prepared.size
        work.lanes.add(prepared)

    def _turn_away(
        self,
        record: Record | Unreadable,
        why: Prepared | Ignored | Rejected,
        tenure: Tenure,
        standing: Standing,
    ) -> None:
        """Not to be sent: it is ignored by a rule, or becomes a letter."""
        if standing is _SUSPECT:
            # The contract has changed since it was claimed, so whether it was applied is not known, nor its lane.
            tenure.hold_all()
            detail = "claimed by a former owner of the partition, under another contract"
            why = Rejected("unknown", detail, stage="submit")
        if isinstance(why, Rejected):
            size = _size(record)
            self._workload.took(size)
            self._bury.record(record, why, tenure, size)
        elif isinstance(why, Ignored):
            tenure.settled(record.offset)
            self._watch.ignored(record, why.why)

    def _prepare_once_more(self, record: Record | Unreadable) -> Prepared | Ignored | Rejected:
        try:
            return self._prepare(record)
        except Exception as bug:  # noqa: BLE001 - as above
            return Rejected("internal", type(bug).__name__, stage="prepare")

    def _pass_over(self, tenure: Tenure, position: int) -> None:
        """The log has nothing before this position: what a former owner claimed there becomes letters with coordinates only."""
        tenure.changes += 1
        for offset in tenure.ledger.skip_to(position):
            tenure.hold_all()  # its lane is not known
            self._watch.noted(
                tenure.partition, f"offset {offset} was claimed, and is no longer in the log"
            )
            record = PlainRecord(*tenure.partition, offset)
            detail = "claimed by a former owner of the partition; the log no longer has the record"
            self._workload.took(_RECORD_COST)
            rejected = Rejected("unknown", detail, stage="submit")
            self._bury.record(record, rejected, tenure, _RECORD_COST)


def _size(record: Record | Unreadable) -> int:
    return len(record.key or b"") + len(record.value or b"") + _RECORD_COST
