"""ONE request on its way out: its claims, the last checks, the sending itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from consumer.commits import Commits
from consumer.model import Prepared, Request
from consumer.outcomes import Outcome, Withheld
from consumer.pacer import Pacer
from consumer.state.gate import Gate
from consumer.state.workload import Workload, barred, owner, owners

RECHECK: Final = 0.25
"""Seconds until the next look at whether the lease was renewed or the commit stored."""


class Send:
    """Whole batches and their halves, first tries and retries: all pass the same checks here."""

    def __init__(
        self,
        pacer: Pacer,
        workload: Workload,
        gate: Gate,
        commits: Commits,
        *,
        certain: Callable[[], bool],
        ring_at: Callable[[float], None],
    ) -> None:
        """`certain`: the membership outlives a request that starts now. `ring_at`: has the slots look again at that time."""
        self._pacer = pacer
        self._workload = workload
        self._gate = gate
        self._commits = commits
        self._certain = certain
        self._ring_at = ring_at
        self._now = asyncio.get_running_loop().time

    async def send(self, entries: list[Prepared], *, probing: bool = False) -> Outcome:
        """Send these records' actions as one request. Those whose tenure is ending are taken out.

        `entries` is changed in place: what is left in it is what the outcome is about.
        """
        self._leave_out(entries)
        if entries and entries[0].repeat.claimed:
            await self._claim(entries)
            self._leave_out(entries)
        if not entries:
            return Withheld()
        may_send = self._permission(entries, probing=probing)
        if not may_send():
            return Withheld()
        call = entries[0].call
        parameters = [entry.calls[entry.applied].parameters for entry in entries]
        request = Request(call.action, parameters, entries, may_send)
        entries[0].sent_at = self._now()
        return await self._pacer.send(request)

    async def _claim(self, entries: Sequence[Prepared]) -> None:
        self._workload.claim(entries)
        if any(entry.claim is None or not entry.claim.durable for entry in entries):
            await self._commits.claim(entries)

    def _leave_out(self, entries: list[Prepared]) -> None:
        """Before sending, never after: a batch is executed as a whole or not at all."""
        now = self._now()
        if not any(t.ending or self._commits.stale(t, now) for t in owners(entries)):
            return
        left, waiting = [], []
        for entry in entries:
            if barred(entry):
                self._workload.abandon(entry)
            elif self._commits.stale(owner(entry), now):
                # After a kill too much of its partition would be repeated; the other partitions go on.
                waiting.append(entry)
            else:
                left.append(entry)
        entries[:] = left
        if waiting:
            # With all that is ready of such partitions: each would take a turn, or be the probe of a closed gate
            # and keep it closed. Suspects are not to be sent.
            waiting += self._workload.lanes.take_ready(
                lambda entry: not entry.suspect and self._commits.stale(owner(entry), now)
            )
        for entry in waiting:
            self._wait_for_commit(entry, max(now + RECHECK, owner(entry).refused_until))

    def _wait_for_commit(self, entry: Prepared, until: float) -> None:
        if entry.claim is not None and not entry.claim.durable:
            # It was refused together with its commit: the next commit has to carry a new claim.
            self._workload.release(entry)
        self._workload.keep(entry)
        self._workload.lanes.later(entry, until)
        self._ring_at(until)

    def _permission(self, entries: Sequence[Prepared], *, probing: bool) -> Callable[[], bool]:
        """The last check, asked here and again before the body's first byte is written."""
        action = entries[0].call.action.name
        claims = {entry.claim for entry in entries} if entries[0].repeat.claimed else ()
        tenures = owners(entries)

        def may_send() -> bool:
            now = self._now()
            if not self._certain() or any(self._commits.stale(tenure, now) for tenure in tenures):
                return False
            if any(tenure.ending for tenure in tenures) and any(map(barred, entries)):
                return False
            if not all(claim is not None and claim.durable for claim in claims):
                return False
            if probing:
                return not self._gate.held(action)
            return not self._gate.closed or self._gate.may_send(action, now)

        return may_send
