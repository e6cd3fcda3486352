"""Records that wait for another try: where, for how long, and whether they keep their claim."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from consumer.gatekeeper import Gatekeeper
from consumer.model import Prepared
from consumer.outcomes import Answer
from consumer.state.gate import LONGEST_RETRY_AFTER
from consumer.state.workload import Workload, barred, owner
from consumer.waits import Waits


class PutOff:
    """Puts records that were not settled back into their lanes."""

    def __init__(
        self,
        workload: Workload,
        gatekeeper: Gatekeeper,
        waits: Waits,
        *,
        ring_at: Callable[[float], None],
    ) -> None:
        self._workload = workload
        self._gatekeeper = gatekeeper
        self._waits = waits
        self._ring_at = ring_at

    def back(self, entries: Sequence[Prepared]) -> None:
        """They were not sent: they are ready again, in their old order."""
        back = []
        for entry in entries:
            if barred(entry):
                self._workload.abandon(entry)
                continue
            self._hold_claim(entry)
            back.append(entry)
        self._workload.lanes.ready_first(back)

    def again(self, entry: Prepared, when: float) -> None:
        """Try the record again at loop time `when`, or leave it to the next owner if its tenure is ending."""
        if barred(entry):
            self._workload.abandon(entry)
            return
        self._hold_claim(entry)
        self._workload.lanes.later(entry, when)
        self._ring_at(when)

    def together(self, entries: Sequence[Prepared], answer: Answer) -> float:
        """Try them all again after the same wait, returned in seconds: none of them is to blame."""
        for entry in entries:
            entry.attempts += 1
        delay = self.delay(entries[0], answer)
        when = asyncio.get_running_loop().time() + delay
        for entry in entries:
            self.again(entry, when)
        return delay

    def delay(self, entry: Prepared, answer: Answer) -> float:
        """Seconds until the next try. Behind a closed gate only what the server asked for: the gate sets the pace."""
        asked = None if answer.retry_after is None else min(answer.retry_after, LONGEST_RETRY_AFTER)
        if not self._gatekeeper.open_for(entry.call.action.name):
            return asked or 0.0
        return self._waits.delay(entry.attempts, at_least=asked)

    def hold(self, entry: Prepared, until: float) -> None:
        """What comes after it in its lane waits until loop time `until`, here and at the next owner's."""
        if entry.lane is None:
            return
        self._workload.lanes.hold(entry.lane, until)
        tenure = owner(entry)
        tenure.lane_held_until = max(tenure.lane_held_until, until)

    def _hold_claim(self, entry: Prepared) -> None:
        """A waiting record keeps its claim for the next try, unless the gate is closed for it."""
        if self._gatekeeper.open_for(entry.call.action.name):
            self._workload.keep(entry)
        else:
            self._workload.release(entry)
