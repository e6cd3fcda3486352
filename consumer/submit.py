"""ONE request: take the heads of up to 20 lanes, have them sent by `send.py`, settle.

As many coroutines run `slot` as requests may be in flight. While all goes well there is no task, future
or await per record. Everything else is up to `recover.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection

from consumer.model import Prepared
from consumer.outcomes import Applied
from consumer.pacer import Pacer
from consumer.ports import Watch
from consumer.recover import Recover
from consumer.send import RECHECK, Send
from consumer.state.gate import Gate
from consumer.state.lanes import Group
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload, owner


class Submit:
    """The request slots, and what wakes them."""

    def __init__(
        self,
        pacer: Pacer,
        watch: Watch,
        workload: Workload,
        gate: Gate,
        *,
        certain: Callable[[], bool],
    ) -> None:
        """`certain`: the membership outlives a request that starts now."""
        self._pacer = pacer
        self._watch = watch
        self._workload = workload
        self._gate = gate
        self._certain = certain
        self._loop = asyncio.get_running_loop()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._in_hand: set[tuple[Prepared, ...]] = set()
        self._probes = 0
        self._laid_down = asyncio.Event()
        # Two rounds of full requests. More would only go cold: a record that is prepared, sent and settled
        # within milliseconds is still in the processor's cache each time.
        self._plenty = 2 * workload.limits.max_in_flight
        self.hungry = asyncio.Event()
        """Not set: enough is ready to be sent, so nothing more need be read."""

    async def slot(self, send: Send, recover: Recover) -> None:
        """Serve requests, one at a time. Ends only by cancellation."""
        while True:
            entries, probed = self._next()
            if not entries:
                idle = self._loop.create_future()
                self._idle.append(idle)
                await idle
                continue
            hand = tuple(entries)
            action = hand[0].call.action.name
            self._in_hand.add(hand)
            rest = 0.0
            try:
                rest = await self._serve(entries, send, recover, probing=probed is not None)
            finally:
                self._in_hand.discard(hand)
                if probed is not None:
                    self._probes -= 1
                    # Does nothing where the probe opened the gate.
                    self._gate.probe_failed(action, self._loop.time(), started=probed)
                self._laid_down.set()
            if rest:
                await asyncio.sleep(rest)
            self._pacer.leave()
            # One place is for this slot itself, at its next turn.
            if self._idle and self._pacer.room(self._loop.time()) > 1:
                self.wake()

    def _next(self) -> tuple[list[Prepared], float | None]:
        """The next request's records, and, if it is the probe of a closed gate, when that was taken.

        No records: wait.
        """
        now = self._loop.time()
        if not self._certain():
            self.ring_at(now + RECHECK)
            return [], None
        room = self._pacer.room(now)
        if not room:
            self.ring_at(self._pacer.opens_at(now))
            if not self._gate.closed:
                return [], None
        return self._take(now, room)

    def _take(self, now: float, room: int) -> tuple[list[Prepared], float | None]:
        """As `_next`; a probe may go out even without room."""
        lanes, gate = self._workload.lanes, self._gate
        closed = gate.closed
        places = self._pacer.probe_room(now) if closed else 0
        # Before the search: while every slot finds something to send, for hours, none gets to its end.
        self.ring_at(lanes.next_due)
        for group in lanes.turns():
            if not closed or gate.may_send(group.action.name, now):
                if room:
                    return self._taken(group, now), None
            elif places and group.asks_nothing(now) and not gate.held(group.action.name):
                # It would be no probe of anything, and there may be hundreds: they would keep the gate closed.
                return self._taken(group, now), None
            elif places != 1 or not self._probes:
                # While a probe hangs, of whatever type, the last place is for what can be sent.
                if places and gate.probe(group.action.name, now, fresh=group.fresh):
                    self._take_place(now)
                    self._probes += 1
                    taken = group.take_one()
                    # If this one hangs, another slot has to look again.
                    self.ring_at(gate.next_probe(group.action.name, fresh=group.fresh))
                    return taken, now
                self.ring_at(gate.next_probe(group.action.name, fresh=group.fresh))
        return [], None

    def _taken(self, group: Group, now: float) -> list[Prepared]:
        taken = group.take()
        self._take_place(now)
        if not self.hungry.is_set():
            self.look_ahead()
        return taken

    def _take_place(self, now: float) -> None:
        self._pacer.take(now)
        if self._pacer.limited:
            # With no place left nobody asks for one, so somebody has to be woken to ask whether the limit may rise.
            self.ring_at(self._pacer.opens_at(now))

    def look_ahead(self) -> None:
        """Set or clear `hungry`: whether more should be read."""
        ready = self._sendable()
        if ready >= self._plenty:
            self.hungry.clear()
        elif ready * 2 <= self._plenty:
            self.hungry.set()

    def _sendable(self) -> int:
        """How many requests could be made of what is ready and not behind a closed gate."""
        lanes, gate = self._workload.lanes, self._gate
        if not gate.closed:
            return lanes.requests
        now = self._loop.time()
        return lanes.requests_where(lambda group: gate.may_send(group.action.name, now))

    def wake(self) -> None:
        """Something may be ready: wake as many slots as there are requests to make of it."""
        idle = self._idle
        if not idle:
            return
        self.ring_at(self._workload.lanes.next_due)
        # While anything is closed one slot looks in any case: it takes the probe, or sets the alarm.
        wanted = max(self._sendable(), int(self._gate.closed))
        if not wanted:
            return
        now = self._loop.time()
        room = self._pacer.room(now)
        if not room:
            self.ring_at(self._pacer.opens_at(now))
        if self._gate.closed and not room:
            room = min(1, self._pacer.probe_room(now))
        for _ in range(min(len(idle), wanted, room)):
            slot = idle.popleft()
            if not slot.done():
                slot.set_result(None)

    def ring_at(self, when: float | None) -> None:
        """Wake slots at that loop time at the latest: something is due then."""
        if when is None:
            return
        if self._alarm is not None:
            if self._alarm.when() <= when:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._workload.lanes.due(self._loop.time())
        self.ring_at(self._workload.lanes.next_due)
        self.wake()

    async def _serve(
        self, entries: list[Prepared], send: Send, recover: Recover, *, probing: bool
    ) -> float:
        """Returns for how many more seconds to hold the place: failing fast must not mean sending faster."""
        first = entries[0]
        if probing and first.repeat.claimed and not self._gate.on_trial(first.call.action.name):
            await recover.probe(first)
        elif first.suspect:
            await recover.suspects.resolve(first)
        else:
            outcome = await send.send(entries, probing=probing)
            if type(outcome) is Applied and not outcome.already:
                action, started = first.call.action.name, first.sent_at
                self._watch.applied(entries, already=False)
                self._workload.settle(entries)
                recover.gatekeeper.succeeded(action, started, len(entries))
            else:
                rest = self._pacer.rest(outcome, first.sent_at)
                await recover.outcome(entries, outcome)
                return rest
        return 0.0

    # Draining

    def go_on(self) -> None:
        """A record was settled elsewhere: its lane goes on, and whoever is draining looks again."""
        self._laid_down.set()
        self.wake()

    async def drained(self, tenures: Collection[Tenure]) -> None:
        """Return when no record of these is in hand, and none that is partly applied could go on."""
        ended = set(tenures)
        while self.in_hand(ended) or (self._workload.begun(ended) and not self._gate.held_for_all):
            self._laid_down.clear()
            await self._laid_down.wait()

    @property
    def hands(self) -> Collection[tuple[Prepared, ...]]:
        """What the slots have in hand: the records of each request."""
        return self._in_hand

    def on_their_way(self) -> list[tuple[Prepared, float]]:
        """Each request by its first record, and when it was sent last: in parts, if it was refused as a whole.

        Without those whose claim is not durable yet: they wait for Kafka, not for Foundry.
        """
        return [
            (hand[0], max(entry.sent_at for entry in hand))
            for hand in self._in_hand
            if all(entry.claim is None or entry.claim.durable for entry in hand)
        ]

    @property
    def wakes_by_itself(self) -> bool:
        """An alarm is set: somebody will look again whether there is anything to do."""
        return self._alarm is not None and not self._alarm.cancelled()

    def in_hand(self, tenures: Collection[Tenure]) -> bool:
        """True: a request slot has a record of these."""
        return any(owner(entry) in tenures for hand in self._in_hand for entry in hand)

    @property
    def tenures(self) -> Collection[Tenure]:
        """All whose records a request slot has."""
        return {owner(entry) for hand in self._in_hand for entry in hand}
