"""Lanes: records that must keep their order wait behind one another, and heads gather into groups.

A record is *added*. The first of its lane is *ready*: it waits in the group of its action type and
`repeat`, from which a request takes up to a batch. It stays the head of its lane until it is *settled*,
however often it is tried; then the next one is ready. Groups hold nothing but heads, so no two records
of one lane are ever in flight.

A lane of one record, the common case, is a dict entry and nothing more.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from itertools import count, islice
from typing import Final

from consumer.model import ActionType, Prepared, Repeat

_LOOKED_AT: Final = 20
"""How many ready records are searched for one to probe with."""


class Group:
    """Heads that may go in one request: one action type, one `repeat`."""

    __slots__ = ("action", "apart", "limit", "ready", "repeat")

    def __init__(self, action: ActionType, repeat: Repeat, limit: int) -> None:
        self.action = action
        self.repeat = repeat
        self.limit = limit
        """How many go into one request; lowered when the server says so, never raised again."""
        self.ready: deque[Prepared] = deque()
        self.apart: deque[Prepared] = deque()
        """Those that each go into a request of their own."""

    def take(self) -> list[Prepared]:
        """The next request's records; empty when none is ready."""
        if self.apart:
            return [self.apart.popleft()]
        ready = self.ready
        return [ready.popleft() for _ in range(min(len(ready), self.limit))]

    def take_one(self) -> list[Prepared]:
        """One record to probe with: one that never failed, if there is any, or a single bad record
        could keep the gate closed for all the others.
        """
        for entry in islice(self.ready, _LOOKED_AT):
            if not entry.attempts:
                self.ready.remove(entry)
                return [entry]
        return [(self.ready or self.apart).popleft()]

    def asks_nothing(self, now: float) -> bool:
        """The next one is a suspect that needs no request now: it will be a letter, or cannot be read back yet."""
        if not (self.apart and self.apart[0].suspect):
            return False
        return self.apart[0].lookup is None or self.apart[0].not_before > now

    @property
    def fresh(self) -> bool:
        """There is a record to probe with that never failed."""
        return any(not entry.attempts for entry in islice(self.ready, _LOOKED_AT))

    @property
    def requests(self) -> int:
        """How many requests could be made of what is ready."""
        return len(self.apart) + -(-len(self.ready) // self.limit)


class Lanes:
    """All records that are not settled, in order per lane. Times are seconds of one clock, and are passed in."""

    def __init__(self, *, batch_size: int) -> None:
        self._batch_size = batch_size
        # For each lane, the records behind its head, or the head itself while nothing was ever behind it. The
        # head is in a group, in `_later`, or in hand.
        self._behind: dict[Hashable, Prepared | deque[Prepared]] = {}
        self._groups: dict[str, list[Group]] = {}
        self._turns: deque[Group] = deque()
        self._latest = Group(ActionType(""), Repeat.SAFE, 1)
        self._later: list[tuple[float, int, Prepared]] = []
        self._holds: dict[Hashable, float] = {}
        self._hold_ends: list[tuple[float, int, Hashable]] = []
        self._ticks = count()

    def __len__(self) -> int:
        """Lanes that have a head."""
        return len(self._behind)

    def add(self, prepared: Prepared) -> None:
        """Put a new record at the end of its lane."""
        lane = prepared.lane
        if lane is not None:
            # A tuple's hash is computed anew each time, so this is the only lookup.
            found = self._behind.setdefault(lane, prepared)
            if found is not prepared:
                self._wait_behind(lane, found, prepared)
                return
            if self._holds and lane in self._holds:
                self.later(prepared, self._holds[lane])
                return
        self.ready(prepared)

    def _wait_behind(
        self, lane: Hashable, found: Prepared | deque[Prepared], prepared: Prepared
    ) -> None:
        if type(found) is deque:
            found.append(prepared)
        else:
            self._behind[lane] = deque((prepared,))

    def ready(self, prepared: Prepared) -> None:
        """The head of a lane may be sent, now or again."""
        group = self._latest
        if (
            group.repeat is not prepared.repeat
            or group.action is not prepared.calls[prepared.applied].action
        ):
            group = self._latest = self.group(prepared)
        (group.apart if prepared.alone or prepared.suspect else group.ready).append(prepared)

    def ready_first(self, prepared: list[Prepared]) -> None:
        """Put heads that were taken but not sent back where they were."""
        for entry in reversed(prepared):
            group = self.group(entry)
            apart = entry.alone or entry.suspect
            (group.apart if apart else group.ready).appendleft(entry)

    def later(self, prepared: Prepared, when: float) -> None:
        """The head of a lane is ready at `when`."""
        heapq.heappush(self._later, (when, next(self._ticks), prepared))

    def due(self, now: float) -> bool:
        """Make ready what was put off until `now`; True if there was anything."""
        later = self._later
        some = bool(later) and later[0][0] <= now
        ends = self._hold_ends
        while ends and ends[0][0] <= now:
            until, _, lane = heapq.heappop(ends)
            if self._holds.get(lane) == until:
                del self._holds[lane]
        while later and later[0][0] <= now:
            self.ready(heapq.heappop(later)[2])
        return some

    @property
    def next_due(self) -> float | None:
        """When the next of those put off is due; None: there is none."""
        return self._later[0][0] if self._later else None

    @property
    def put_off(self) -> int:
        """How many heads wait for their time."""
        return len(self._later)

    def settle(self, prepared: Prepared) -> None:
        """The head of a lane is done: the next one is ready, or due when the lane's hold ends."""
        lane = prepared.lane
        if lane is None:
            return
        behind = self._behind.pop(lane)
        if type(behind) is not deque or not behind:
            return
        self._behind[lane] = behind
        head = behind.popleft()
        if self._holds and lane in self._holds:
            self.later(head, self._holds[lane])
        else:
            self.ready(head)

    def behind(self, prepared: Prepared) -> int:
        """How many records wait behind this head of a lane."""
        found = None if prepared.lane is None else self._behind.get(prepared.lane)
        return len(found) if type(found) is deque else 0

    def take_out(self, wanted: Callable[[Prepared], bool]) -> Prepared | None:
        """Hand over one `wanted` head, of those that are put off or go alone; None: there is none."""
        for item in self._later:
            if wanted(item[2]):
                self._later.remove(item)
                heapq.heapify(self._later)
                return item[2]
        for group in self._turns:
            for entry in group.apart:
                if wanted(entry):
                    group.apart.remove(entry)
                    return entry
        return None

    def drop(self, gone: Callable[[Prepared], bool]) -> list[Prepared]:
        """Forget and return what is queued and `gone`, except what is in hand. Its lanes go on without it."""
        dropped: list[Prepared] = []
        for lane, behind in self._behind.items():
            if type(behind) is deque and any(map(gone, behind)):
                dropped += filter(gone, behind)
                self._behind[lane] = deque(entry for entry in behind if not gone(entry))
        heads = [entry for _, _, entry in self._later if gone(entry)]
        if heads:
            self._later = [item for item in self._later if not gone(item[2])]
            heapq.heapify(self._later)
        heads += self.take_ready(gone)
        for head in heads:
            self.settle(head)
        return dropped + heads

    def take_ready(self, wanted: Callable[[Prepared], bool]) -> list[Prepared]:
        """All heads that are ready and `wanted`; the caller has them then."""
        taken: list[Prepared] = []
        for group in self._turns:
            for queue in (group.ready, group.apart):
                taken += filter(wanted, queue)
                kept = [entry for entry in queue if not wanted(entry)]
                queue.clear()
                queue.extend(kept)
        return taken

    def hold(self, lane: Hashable | None, until: float) -> None:
        """Nothing after the lane's present head is ready before `until`.

        A hold ends only by time: records that wait for it may be dropped, and come again.
        """
        if lane is not None and until > self._holds.get(lane, float("-inf")):
            self._holds[lane] = until
            heapq.heappush(self._hold_ends, (until, next(self._ticks), lane))

    def group(self, prepared: Prepared) -> Group:
        """The group of a record's next action."""
        action = prepared.calls[prepared.applied].action
        # By name, then by identity: hashing the pair would cost a third of all the time spent here.
        groups = self._groups.get(action.name)
        if groups is not None:
            for group in groups:
                if group.repeat is prepared.repeat:
                    return group
        limit = min(action.batch, self._batch_size) if action.batched else 1
        group = Group(action, prepared.repeat, limit)
        self._groups.setdefault(action.name, []).append(group)
        self._turns.append(group)
        return group

    def turns(self) -> Iterator[Group]:
        """Groups with something ready, in turn: the first one this time is the last one next time."""
        turns = self._turns
        for _ in range(len(turns)):
            group = turns[0]
            turns.rotate(-1)
            if group.ready or group.apart:
                yield group

    @property
    def requests(self) -> int:
        """How many requests could be made of everything that is ready."""
        found = 0
        for group in self._turns:
            found += len(group.apart) - (-len(group.ready) // group.limit)
        return found

    def requests_where(self, open_for: Callable[[Group], bool]) -> int:
        """How many requests could be made of what is ready in the groups for which `open_for` is true."""
        return sum(
            group.requests
            for group in self._turns
            if (group.ready or group.apart) and open_for(group)
        )

    def heads_where(self, wanted: Callable[[Group], bool]) -> Iterator[Prepared]:
        """Everything that is ready in the groups that are `wanted`."""
        for group in filter(wanted, self._turns):
            yield from group.ready
            yield from group.apart
