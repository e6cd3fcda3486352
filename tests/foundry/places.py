"""Two places to send actions to, and to see what became of them: the fake Foundry, and the emulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from consumer.model import ActionType, Lookup, Prepared, Repeat, Request
from consumer.ports import Actions
from deploy.local.foundry import Fault, Foundry as Stack
from tests.fakes.foundry import Faults
from tests.fakes.log import Coordinate, Fate
from tests.fakes.pipeline import prepared
from tests.flow.process import Process
from tests.flow.world import LIMITS, World
from tests.foundry.test_emulator import asking, ticket

SHORT = 0.8
"""Seconds that a request to the emulator may take."""
Trouble = Callable[[], object]
"""Lets the next request meet it."""


class Place(Protocol):
    """What its requests carry is made for them, and is nobody else's."""

    @property
    def actions(self) -> Actions: ...
    @property
    def request_timeout(self) -> float: ...
    @property
    def troubles(self) -> Mapping[str, Sequence[Trouble]]:
        """All kinds of each."""

    @property
    def arrived(self) -> int:
        """Requests with actions."""

    def request(
        self,
        count: int = 1,
        *,
        bad: int = 0,
        batch: int = 20,
        repeat: Repeat = Repeat.SAFE,
        early: bool = False,
        validate_only: bool = False,
    ) -> Request:
        """Good actions, and bad ones; `early`: what they refer to is not there when they are sent first."""

    def lookup(self, request: Request) -> Lookup:
        """What the one action of the request makes."""

    def effects(self, request: Request) -> list[int]:
        """How often each of its actions took effect, till now."""

    def takes_at_most(self, actions: int) -> None:
        """In one request, from now on."""

    def is_well(self) -> None:
        """The troubles are over."""

    async def time_passes(self) -> None:
        """What was given up is executed, if it ever is, and what others refer to is there."""


class Pretended:
    """The process is a member, as nobody else may send."""

    def __init__(self, world: World, process: Process) -> None:
        self._world, foundry = world, world.foundry
        self.actions = process.actions
        self.request_timeout = LIMITS.request_timeout
        made: Mapping[str, Trouble] = {
            "lost": lambda: self._meets(unknown=1.0),
            "broken": lambda: self._meets(broken=1.0),
            "throttled": lambda: self._meets(throttled=1.0),
            "hangs after": lambda: setattr(foundry, "hangs_after", 1.0),
            "cut after": lambda: setattr(foundry, "cuts_after", 1.0),
            "unread": lambda: setattr(foundry, "reads_down_until", float("inf")),
        }
        # It draws what befalls a request.
        self.troubles = {name: [trouble] * 10 for name, trouble in made.items()}

    def _meets(self, **faults: float) -> None:
        self._world.foundry.faults = Faults(**faults)

    @property
    def arrived(self) -> int:
        return self._world.foundry.requests

    def request(
        self,
        count: int = 1,
        *,
        bad: int = 0,
        batch: int = 20,
        repeat: Repeat = Repeat.SAFE,
        early: bool = False,
        validate_only: bool = False,
    ) -> Request:
        made = self._world.produce(count, batch=batch, repeat=repeat, conflicts=int(early))
        made += self._world.produce(bad, batch=batch, repeat=repeat, fate=Fate.POISON)
        entries = [self._prepared(spot) for spot in made]
        return Request(
            entries[0].call.action,
            [entry.call.parameters for entry in entries],
            entries,
            lambda: True,
            validate_only,
        )

    def _prepared(self, spot: Coordinate) -> Prepared:
        (record,), _ = self._world.log.read(*spot, 1)
        return prepared(record, spot, self._world.log.specs[spot])

    def lookup(self, request: Request) -> Lookup:
        (entry,) = request.entries
        return Lookup(request.action.name, bool, key=entry.event_id)

    def effects(self, request: Request) -> list[int]:
        effects, partition = self._world.truth.effects_of, self._world.partition(0)
        return [len(effects[partition, entry.record.offset]) for entry in request.entries]

    def takes_at_most(self, actions: int) -> None:
        self._world.foundry.largest_batch = actions

    def is_well(self) -> None:
        self._world.faults_end()
        self._world.foundry.reads_down_until = 0.0

    async def time_passes(self) -> None:
        await asyncio.sleep(LIMITS.request_timeout + LIMITS.settle_time)


@dataclass
class Real:
    stack: Stack
    actions: Actions
    request_timeout: float = SHORT
    troubles: Mapping[str, Sequence[Trouble]] = field(init=False)
    _numbers: int = 0
    _wanted: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        lost = [Fault(kind, when) for kind in ("hang", "cut") for when in ("before", "after")]
        late = Fault("late", seconds=SHORT + 0.1)
        broken = [Fault("status", when, status=500) for when in ("before", "after")]
        made = {
            "lost": [*lost, late],
            "broken": broken,
            "throttled": [Fault("status", status=429, retry_after="3")],
            "hangs after": [Fault("hang", "after")],
            "cut after": [Fault("cut", "after")],
            "unread": [Fault("status", status=500, endpoint="objects")],
        }
        self.troubles = {
            name: [partial(self.stack.faults.switch_on, fault) for fault in faults]
            for name, faults in made.items()
        }

    @property
    def arrived(self) -> int:
        return sum("/actions/" in asked.path for asked in self.stack.requests)

    def request(
        self,
        count: int = 1,
        *,
        bad: int = 0,
        batch: int = 20,
        repeat: Repeat = Repeat.SAFE,
        early: bool = False,
        validate_only: bool = False,
    ) -> Request:
        numbers = range(self._numbers, self._numbers + count + bad)
        self._numbers += count + bad
        parameters = [ticket(number) for number in numbers[:count]]
        parameters += [ticket(number, priority="odd") for number in numbers[count:]]
        action = ActionType("create-ticket", batch)
        if early:
            self._wanted += numbers
            action = ActionType("close-ticket", batch)
            parameters = [
                b'{"ticket":"T-%d","closedAt":"2026-01-02T03:04:05Z"}' % number
                for number in numbers
            ]
        return replace(asking(action, *parameters, repeat=repeat), validate_only=validate_only)

    def lookup(self, request: Request) -> Lookup:
        (parameters,) = request.parameters
        return Lookup("Ticket", bool, key=json.loads(parameters)["ticketId"])

    def effects(self, request: Request) -> list[int]:
        took: list[tuple[str, Any]] = [
            (each.action, _named(each.parameters)) for each in self.stack.effects
        ]
        return [
            took.count((request.action.name, _named(json.loads(each))))
            for each in request.parameters
        ]

    def takes_at_most(self, actions: int) -> None:
        self.stack.limits.batch = actions

    def is_well(self) -> None:
        self.stack.faults.clear()

    async def time_passes(self) -> None:
        for number in self._wanted:
            await self.actions.send(asking(ActionType("create-ticket"), ticket(number)))
        self._wanted.clear()
        await asyncio.sleep(SHORT + 0.2)


def _named(parameters: Mapping[str, Any]) -> Any:
    return parameters.get("ticketId", parameters.get("ticket"))
