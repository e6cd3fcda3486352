"""What did not go well: put off, split, read back, given up.

Withheld    it never left: back to where it was
Conflicted  not executed, may succeed soon: again after a wait, `retry.attempts` times
Outage      not executed, the world's fault: again without limit; the gate closes when it lasts
Oversized   not executed: smaller requests from now on
Refused     not executed, one record's fault: halved until that one is alone, which is a letter
Unknown     it may have been executed: `safe` and `create` are sent again, `ask` reads back first,
            `never` is a letter
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import assert_never

from consumer.bury import Bury
from consumer.errors import RAISED_BY_OWNERS
from consumer.gatekeeper import OUTAGE_AFTER, Gatekeeper
from consumer.model import Prepared, Repeat, Request
from consumer.outcomes import (
    Answer,
    Applied,
    Conflicted,
    Found,
    Outage,
    Outcome,
    Oversized,
    Refused,
    Unknown,
    Withheld,
)
from consumer.ports import Actions, Watch
from consumer.state.limits import Retry
from consumer.state.workload import Workload, barred, owner
from consumer.waits import Waits


class Recover:
    """Everything but the good way. Runs in the slot whose request failed."""

    def __init__(
        self,
        actions: Actions,
        watch: Watch,
        workload: Workload,
        gatekeeper: Gatekeeper,
        bury: Bury,
        waits: Waits,
        *,
        retry: Retry,
        send: Callable[[list[Prepared]], Awaitable[Outcome]],
        ring_at: Callable[[float], None],
        shut: Callable[[], bool],
    ) -> None:
        self._actions = actions
        self._watch = watch
        self._workload = workload
        self.gatekeeper = gatekeeper
        self._bury = bury
        self._waits = waits
        self._retry = retry
        self._send = send
        self._ring_at = ring_at
        self._shut = shut
        self._now = asyncio.get_running_loop().time

    async def outcome(self, entries: list[Prepared], outcome: Outcome) -> None:
        """Do what the outcome of these records' request asks for."""
        if not entries:
            return
        match outcome:
            case Applied():
                self._applied(entries, already=outcome.already)
            case Withheld():
                self._put_back(entries)
            case Conflicted():
                self._conflicted(entries, outcome)
            case Outage():
                self._outage(entries, outcome)
            case Refused() | Oversized():
                await self._refused(entries, outcome)
            case Unknown():
                self._unknown(entries, outcome)
            case _:
                assert_never(outcome)

    def _applied(self, entries: Sequence[Prepared], *, already: bool) -> None:
        self._watch.applied(entries, already=already)
        action, started = entries[0].call.action.name, entries[0].sent_at
        for entry in entries:
            self._workload.advance(entry)
        self.gatekeeper.succeeded(action, started, len(entries))

    def _put_back(self, entries: Sequence[Prepared]) -> None:
        """They were not sent: ready as before, in their old order."""
        back = []
        for entry in entries:
            if barred(entry):
                self._workload.abandon(entry)
                continue
            self._hold_claim(entry)
            back.append(entry)
        self._workload.lanes.ready_first(back)

    def _again(self, entry: Prepared, when: float) -> None:
        """Try the record again at `when`; the next owner does, where this tenure is ending."""
        if barred(entry):
            self._workload.abandon(entry)
            return
        self._hold_claim(entry)
        self._workload.lanes.later(entry, when)
        self._ring_at(when)

    def _hold_claim(self, entry: Prepared) -> None:
        """What waits keeps its claim for the next try, unless the gate is closed for it."""
        if self.gatekeeper.open_for(entry.call.action.name):
            self._workload.keep(entry)
        else:
            self._workload.release(entry)

    def _conflicted(self, entries: Sequence[Prepared], outcome: Conflicted) -> None:
        self.gatekeeper.dealt_with(entries[0])
        self._retry_all(entries, outcome.answer, always=True)

    def _outage(self, entries: Sequence[Prepared], outcome: Outage) -> None:
        self._failing(entries[0], outcome)
        again = self._put_off if outcome.gate == "overloaded" else self._retry_all
        again(entries, outcome.answer)

    def _failing(self, entry: Prepared, outcome: Outage) -> None:
        """Being refused for too many requests is no outage, unless one alone is too many."""
        if outcome.gate != "overloaded" or self._shut():
            self.gatekeeper.outage(entry, outcome)

    def _put_off(self, entries: Sequence[Prepared], answer: Answer) -> None:
        """Send them again after a wait. No record's fault: none is charged, and they stay together."""
        for entry in entries:
            entry.attempts += 1
        when = self._now() + (delay := self._delay(entries[0], answer))
        for entry in entries:
            self._again(entry, when)
        self._watch.retried(entries[0].call.action.name, answer, delay)

    def _retry_all(
        self, entries: Sequence[Prepared], answer: Answer, *, always: bool = False
    ) -> None:
        """Send them again after a wait; the one that fails while others fare well is a letter."""
        now = self._now()
        delay = 0.0
        for entry in entries:
            charged = self.gatekeeper.health.charge(entry, now, always=always)
            if charged >= self._retry.attempts and len(entries) == 1:
                self._bury.entry(entry, "exhausted", _said(answer), answer=answer)
                return
            # In company again, it would be refused or delayed together with the others.
            entry.alone = entry.alone or charged > 1
            delay = self._delay(entry, answer)
            self._again(entry, now + delay)
        self._watch.retried(entries[0].call.action.name, answer, delay)

    def _delay(self, entry: Prepared, answer: Answer) -> float:
        """Seconds until the next try. A closed gate sets the pace, and needs one to probe with."""
        if not self.gatekeeper.open_for(entry.call.action.name):
            return answer.retry_after or 0.0
        return self._waits.delay(entry.attempts, at_least=answer.retry_after)

    async def _refused(self, entries: list[Prepared], outcome: Refused | Oversized) -> None:
        first, answer = entries[0], outcome.answer
        self.gatekeeper.dealt_with(first)
        if len(entries) == 1:
            first.attempts += 1
            self._bury.entry(first, "rejected", _said(answer), answer=answer)
        elif isinstance(outcome, Oversized) and outcome.maximum is not None:
            group = self._workload.lanes.group(first)
            group.limit = max(1, min(outcome.maximum, len(entries) - 1))
            self._put_back(entries)
        else:
            await self._halve(entries)

    async def _halve(self, entries: list[Prepared]) -> None:
        """A batch is atomic: at least one of these is refused. All keep their claims meanwhile."""
        middle = len(entries) // 2
        left, right = entries[:middle], entries[middle:]
        innocent = await self._try(left)
        if innocent and len(right) > 1:
            await self._halve(right)  # the guilty one must be in here: no need to ask
        else:
            await self._try(right)

    async def _try(self, entries: list[Prepared]) -> bool:
        """Send a part of a refused batch; True if it was applied."""
        outcome = await self._send(entries)
        await self.outcome(entries, outcome)
        return isinstance(outcome, Applied)

    def _unknown(self, entries: Sequence[Prepared], outcome: Unknown) -> None:
        """It may have been executed, or may yet be, unless the server itself answered."""
        first, answer = entries[0], outcome.answer
        # What was on its way when an outage began is no sign of bad records, however much it is.
        free = outcome.gate is not None and not self.gatekeeper.knew(first)
        if outcome.gate is not None:
            # A harmful action is not sent into what may be an outage: each would be a letter.
            after = 1 if first.repeat.claimed else OUTAGE_AFTER
            self.gatekeeper.failing(
                first, outcome.gate, answer, everywhere=outcome.everywhere, after=after
            )
        self._watch.unknown(entries, answer)
        until = self._now() + (0 if outcome.answered else self._workload.limits.settle_time)
        if not outcome.answered:
            for entry in entries:
                self._hold(entry, until)
        if first.repeat.claimed:
            self._suspect(entries, answer, until, free=free)
        elif answer.cause == "internal" and first.alone:
            self._bury.entry(first, "internal", answer.detail, answer=answer)
        else:
            for entry in entries:
                entry.alone = entry.alone or answer.cause == "internal"
            self._retry_all(entries, answer)

    def _hold(self, entry: Prepared, until: float) -> None:
        """What comes after it in its lane waits, here and at the next owner's."""
        self._workload.lanes.hold(entry.lane, until)
        tenure = owner(entry)
        tenure.lane_held_until = max(tenure.lane_held_until, until)

    def _suspect(
        self, entries: Sequence[Prepared], answer: Answer, until: float, *, free: bool
    ) -> None:
        for entry in entries:
            entry.attempts += 1
            entry.suspect = True
            entry.not_before = until
            if entry.repeat is Repeat.ASK:
                self._again(entry, until)
            else:
                self._bury.entry(entry, "unknown", _said(answer), answer=answer, free=free)

    async def resolve(self, entry: Prepared) -> None:
        """A suspect is never simply sent: `never` is a letter, `ask` reads back when it makes sense."""
        if owner(entry).ending:
            self._workload.abandon(entry)
        elif entry.lookup is None:
            self._hold(entry, owner(entry).suspects_until)
            detail = "claimed by a former owner of the partition"
            self._bury.entry(entry, "unknown", detail, free=True)
        elif entry.not_before > self._now():
            self._again(entry, entry.not_before)
        else:
            await self._read_back(entry)

    async def _read_back(self, entry: Prepared) -> None:
        lookup = entry.lookup
        if lookup is None:
            raise TypeError(f"{entry.event_id!r} cannot be read back")
        entry.sent_at = self._now()
        found = await self._actions.look_up(lookup)
        if isinstance(found, Outage):
            self._failing(entry, found)
            self._put_off([entry], found.answer)
            return
        # Around an owner's function: whatever it raises, the record's outcome stays unknown.
        try:
            applied = lookup.applied(found.properties if isinstance(found, Found) else None)
        except RAISED_BY_OWNERS as bug:
            detail = f"{type(bug).__name__} in the contract's `applied` function"
            self._bury.entry(entry, "unknown", detail)
            return
        if applied:
            self._applied([entry], already=True)
        elif owner(entry).ending:
            self._workload.abandon(entry)  # still a suspect: the next owner reads back for itself
        else:
            entry.suspect = False  # it goes on under its claim, which is in the store
            self._workload.lanes.ready(entry)

    async def probe(self, entry: Prepared) -> None:
        """Ask a closed gate with a request that has no effect; the record stays where it was."""
        call = entry.call
        request = Request(
            call.action, [call.parameters], [entry], may_send=lambda: True, validate_only=True
        )
        entry.sent_at = self._now()
        outcome = await self._actions.send(request)
        match outcome:
            case Outage():
                self._failing(entry, outcome)
            case Unknown():
                gate = outcome.gate or "failing"
                self._failing(entry, Outage(outcome.answer, gate, everywhere=outcome.everywhere))
            case _:
                self.gatekeeper.dealt_with(entry)
        self._put_back([entry])


def _said(answer: Answer) -> str:
    """What a letter says of the answer."""
    return answer.detail or answer.error_name or answer.cause
