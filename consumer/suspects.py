"""Suspects: harmful actions that may have been applied. They are never simply sent again.

`never` becomes a letter. `ask` is read back when that makes sense: if it was applied it is done, else it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from consumer.bury import Bury
from consumer.errors import RAISED_BY_OWNERS
from consumer.gatekeeper import Gatekeeper
from consumer.model import Lookup, Partition, Prepared, Repeat
from consumer.outcomes import Answer, Found, Outage
from consumer.ports import Actions, Watch
from consumer.putoff import PutOff
from consumer.state.health import WORLDS
from consumer.state.workload import Workload, owner


class Suspects:
    """What to do with each, whether it became one here or under a former owner of its partition."""

    def __init__(
        self,
        actions: Actions,
        watch: Watch,
        workload: Workload,
        gatekeeper: Gatekeeper,
        bury: Bury,
        put_off: PutOff,
        *,
        attempts: int,
    ) -> None:
        self._actions = actions
        self._watch = watch
        self._workload = workload
        self._gatekeeper = gatekeeper
        self._bury = bury
        self._put_off = put_off
        self._attempts = attempts
        # Records being read back now; True: an operator has given this one up meanwhile.
        self._reading: dict[Prepared, bool] = {}
        self._now = asyncio.get_running_loop().time

    def suspect(
        self, entries: Sequence[Prepared], answer: Answer, until: float, *, free: bool
    ) -> None:
        """A request with these harmful actions got no answer that says what became of them.

        `until`: loop time until which it may still take effect. `free`: the letters are not charged to the budget.
        """
        health = self._gatekeeper.health
        shared = health.shared(entries)
        for entry in entries:
            charged = health.charge(entry, self._now())
            entry.alone = entry.alone or charged > 1 or shared
            entry.suspect = True
            entry.not_before = until
            entry.answer = answer
            # Of a batch another record may be to blame.
            entry.exhausted = charged >= self._attempts and len(entries) == 1
            if entry.repeat is Repeat.ASK:
                # Read back and sent again at once, one that is ill would go round as fast as Foundry answers.
                paced = self._now() + self._put_off.delay(entry, answer)
                self._put_off.again(entry, max(until, paced))
            else:
                self._bury.entry(entry, "unknown", said(answer), answer=answer, free=free)

    async def resolve(self, entry: Prepared) -> None:
        """Write the letter of a `never` record; read back an `ask` record, once that makes sense."""
        if owner(entry).ending:
            self._workload.abandon(entry)
        elif entry.lookup is None:
            self._put_off.hold(entry, owner(entry).suspects_until)
            detail = "claimed by a former owner of the partition"
            self._bury.entry(entry, "unknown", detail, free=True)
        elif entry.not_before > self._now():
            self._put_off.again(entry, entry.not_before)
        else:
            await self._read_back(entry)

    async def _read_back(self, entry: Prepared) -> None:
        lookup = entry.lookup
        if lookup is None:
            raise TypeError(f"{entry.event_id!r} cannot be read back")
        entry.sent_at = self._now()
        self._reading[entry] = False
        found = await self._actions.look_up(lookup)
        if self._reading.pop(entry):
            self._write_off(entry)
            return
        if isinstance(found, Outage):
            self._cannot_be_read(entry, lookup, found)
            return
        self._no_longer_unread(entry)
        self._gatekeeper.health.succeeded(_reads_of(lookup), self._now(), started=entry.sent_at)
        # An owner's function: whatever it raises, the record's outcome stays unknown.
        try:
            applied = lookup.applied(found.properties if isinstance(found, Found) else None)
        except RAISED_BY_OWNERS as bug:
            detail = f"{type(bug).__name__} in the contract's `applied` function"
            self._bury.entry(entry, "unknown", detail)
            return
        if applied:
            self._watch.applied([entry], already=True)
            self._gatekeeper.found(entry)  # before `advance`: a settled record has no next action
            self._workload.advance(entry)
        elif owner(entry).ending:
            self._workload.abandon(entry)  # still a suspect: the next owner reads back for itself
        elif entry.exhausted and entry.answer is not None:
            self._bury.entry(entry, "exhausted", said(entry.answer), answer=entry.answer)
        else:
            entry.suspect = False  # it was not applied: sent under its claim, which is in the store
            self._workload.lanes.ready(entry)

    def _cannot_be_read(self, entry: Prepared, lookup: Lookup, outage: Outage) -> None:
        """If other objects of its type can be read, the trouble is this one's: it becomes a letter in the end."""
        self._gatekeeper.outage(entry, outage)
        now, answer = self._now(), outage.answer
        if outage.gate in WORLDS:
            self._put_off.together([entry], answer)  # the closed gate says why it waits
            return
        bug = answer.cause == "internal"  # ours, so not an outage
        charged = self._gatekeeper.health.charge(entry, now, always=bug, kind=_reads_of(lookup))
        if charged >= self._attempts:
            self._no_longer_unread(entry)
            self._bury.entry(entry, "unknown", said(answer), answer=answer)
        else:
            self._put_off.again(entry, now + self._put_off.delay(entry, answer))
            self._say_unread(entry, answer)

    def give_up(self, partition: Partition, offset: int) -> bool:
        """An operator gives up reading this one back: it becomes a letter `unknown`. False: it is not waiting for a read.

        One that is being read at this moment becomes a letter when the read ends, whatever it finds.
        """

        def wanted(entry: Prepared) -> bool:
            record = entry.record
            here = record.offset == offset and owner(entry).partition == partition
            return here and entry.suspect and entry.lookup is not None and not owner(entry).ending

        entry = self._workload.lanes.take_out(wanted)
        if entry is not None:
            self._write_off(entry)
            return True
        read = [entry for entry in self._reading if wanted(entry)]
        self._reading.update(dict.fromkeys(read, True))
        return bool(read)

    def _write_off(self, entry: Prepared) -> None:
        """It is not sent again, but its lane still waits for as long as it may take effect."""
        self._put_off.hold(entry, entry.not_before)
        self._no_longer_unread(entry)
        detail = "an operator gave up reading back whether it was applied"
        self._bury.entry(entry, "unknown", detail, answer=entry.answer, free=True)

    def _say_unread(self, entry: Prepared, answer: Answer) -> None:
        """Reading may fail for ever, until its partition stops at the end of the span: an operator should know."""
        tenure = owner(entry)
        if entry.attempts < self._attempts or tenure.ending:
            return
        told = bool(tenure.unread)
        tenure.unread[entry.record.offset] = answer.cause
        if not told:
            self._watch.held(tenure.partition, str(tenure.waits_for_read))

    def _no_longer_unread(self, entry: Prepared) -> None:
        tenure = owner(entry)
        if tenure.unread.pop(entry.record.offset, None) and not (tenure.unread or tenure.ending):
            self._watch.goes_on(tenure.partition, "nothing waits for a failing read-back any more")


def _reads_of(lookup: Lookup) -> str:
    """The name under which reads are judged, apart from actions. With a space, so that no action can have it."""
    return f"read {lookup.object_type}"


def said(answer: Answer) -> str:
    """What a letter says about the answer."""
    return answer.detail or answer.error_name or answer.cause
