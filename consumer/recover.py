"""What did not go well: retried later, split, read back, or given up.

Withheld    it was never sent: back to where it was
Conflicted  not executed, may succeed soon: again after a wait, `retry.attempts` times
Outage      not executed, the world's fault: again without limit; the gate closes when it lasts
Oversized   not executed: smaller requests from now on
Refused     not executed, one record's fault: halved until that one is alone and becomes a letter
Unknown     it may have been executed: `safe` and `create` are sent again, `ask` reads back first,
            `never` is a letter
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import assert_never

from consumer.bury import Bury
from consumer.gatekeeper import Gatekeeper
from consumer.model import Prepared, Repeat, Request
from consumer.outcomes import (
    Answer,
    Applied,
    Conflicted,
    Outage,
    Outcome,
    Oversized,
    Refused,
    Unknown,
    Withheld,
)
from consumer.ports import Actions, Watch
from consumer.putoff import PutOff
from consumer.state.health import WORLDS
from consumer.state.limits import Retry
from consumer.state.workload import Workload
from consumer.suspects import Suspects, said


class Recover:
    """Handles every outcome but the good one. Runs in the slot whose request failed."""

    def __init__(
        self,
        actions: Actions,
        watch: Watch,
        workload: Workload,
        gatekeeper: Gatekeeper,
        bury: Bury,
        put_off: PutOff,
        *,
        retry: Retry,
        send: Callable[[list[Prepared]], Awaitable[Outcome]],
    ) -> None:
        self._actions = actions
        self._watch = watch
        self._workload = workload
        self.gatekeeper = gatekeeper
        self._bury = bury
        self._put_off = put_off
        self._attempts = retry.attempts
        # A single failure does not tell a bad record from an outage.
        self._tells = max(2, retry.attempts)
        self._send = send
        self.suspects = Suspects(
            actions, watch, workload, gatekeeper, bury, put_off, attempts=self._tells
        )
        self._now = asyncio.get_running_loop().time

    async def outcome(self, entries: list[Prepared], outcome: Outcome) -> None:
        """Do what the outcome of these records' request asks for."""
        if not entries:
            return
        match outcome:
            case Applied():
                self._applied(entries, already=outcome.already)
            case Withheld():
                self._put_off.back(entries)
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

    def _conflicted(self, entries: Sequence[Prepared], outcome: Conflicted) -> None:
        self.gatekeeper.dealt_with(entries[0])
        self._retry_all(entries, outcome.answer, always=True)

    def _outage(self, entries: Sequence[Prepared], outcome: Outage) -> None:
        self.gatekeeper.outage(entries[0], outcome)
        if outcome.gate in WORLDS:
            # No record can be the cause: none is charged, and the batch stays together.
            delay = self._put_off.together(entries, outcome.answer)
            self._watch.retried(entries[0].call.action.name, outcome.answer, delay)
        else:
            self._retry_all(entries, outcome.answer)

    def _retry_all(
        self, entries: Sequence[Prepared], answer: Answer, *, always: bool = False
    ) -> None:
        """Send them again after a wait; one that keeps failing while others succeed becomes a letter."""
        now = self._now()
        action, health = entries[0].call.action.name, self.gatekeeper.health
        shared = health.shared(entries)
        most = self._attempts if always else self._tells
        delay = 0.0
        for entry in entries:
            charged = health.charge(entry, now, always=always)
            if charged >= most and len(entries) == 1:
                self._bury.entry(entry, "exhausted", said(answer), answer=answer)
                return
            # Sent in a batch again, it would have the others refused or delayed with it.
            entry.alone = entry.alone or charged > 1 or shared
            delay = self._put_off.delay(entry, answer)
            self._put_off.again(entry, now + delay)
        self._watch.retried(action, answer, delay)

    async def _refused(self, entries: list[Prepared], outcome: Refused | Oversized) -> None:
        first, answer = entries[0], outcome.answer
        self.gatekeeper.dealt_with(first)
        if len(entries) == 1:
            first.attempts += 1
            self._bury.entry(first, "rejected", said(answer), answer=answer)
        elif isinstance(outcome, Oversized) and outcome.maximum is not None:
            group = self._workload.lanes.group(first)
            group.limit = max(1, min(outcome.maximum, len(entries) - 1))
            self._put_off.back(entries)
        else:
            await self._halve(entries)

    async def _halve(self, entries: list[Prepared]) -> None:
        """A batch is atomic, so at least one of these is to blame. All keep their claims meanwhile."""
        middle = len(entries) // 2
        left, right = entries[:middle], entries[middle:]
        innocent = await self._try(left)
        if innocent and len(right) > 1:
            await self._halve(right)  # the guilty one must be in here: no need to send it whole
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
        # What was in flight when an outage began says nothing about the records, however many there are.
        on_trial = self.gatekeeper.knew(first)
        free = outcome.gate is not None and not on_trial
        # During a trial any unknown outcome is a sign that the outage is not over.
        gate = outcome.gate or ("failing" if on_trial and first.repeat.claimed else None)
        if gate is not None:
            self.gatekeeper.failing(
                first,
                gate,
                answer,
                everywhere=outcome.everywhere,
                remedy=outcome.remedy,
                # A harmful action is not sent into what may be an outage: each one would become a letter.
                at_once=first.repeat is Repeat.NEVER,
            )
        self._watch.unknown(entries, answer)
        until = self._now() + (0 if outcome.answered else self._workload.limits.settle_time)
        if not outcome.answered:
            for entry in entries:
                self._put_off.hold(entry, until)
                entry.not_before = until
        if first.repeat.claimed:
            self.suspects.suspect(entries, answer, until, free=free)
        elif answer.cause == "internal" and first.alone:
            self._bury.entry(first, "internal", answer.detail, answer=answer)
        else:
            for entry in entries:
                entry.alone = entry.alone or answer.cause == "internal"
            self._retry_all(entries, answer)

    async def probe(self, entry: Prepared) -> None:
        """Probe a closed gate with a request that has no effect; the record goes back to its lane."""
        call = entry.call
        request = Request(
            call.action, [call.parameters], [entry], may_send=lambda: True, validate_only=True
        )
        entry.sent_at = self._now()
        outcome = await self._actions.send(request)
        match outcome:
            case Outage():
                self.gatekeeper.outage(entry, outcome)
            case Unknown(answer, gate=gate):
                about = Outage(answer, gate or "failing", outcome.everywhere, outcome.remedy)
                self.gatekeeper.outage(entry, about)
            case _:
                self.gatekeeper.dealt_with(entry)
        # Behind the others: the gate must not be probed with the same bad record for ever.
        self._put_off.again(entry, self._now())
