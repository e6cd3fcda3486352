"""What is seen of a run while it goes on: each published record, each effect, each request, each look at the store."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

from consumer.model import Call, Prepared
from consumer.pipeline import Prepare
from deploy.local.chaos.evidence import (
    ONCE,
    Disturbance,
    Effect,
    Evidence,
    Letter,
    Look,
    Partition,
    Published,
    Request,
    Rules,
)
from deploy.local.chaos.settings import REQUEST_TIMEOUT
from deploy.local.chaos.variety import APPLIED, Draft
from deploy.local.demo.events import identity_of
from deploy.local.demo.evidence import Place
from deploy.local.foundry import Effect as Happened, Foundry
from deploy.local.foundry.effects import Asked

MANY = 1_000_000
NEARLY = 0.5
"""Of the request timeout: on a busy machine the service may have given up by then."""
ANSWERED = (None, "hang")
"""With 200 Foundry itself has answered, if late; a page with 200 is not its."""
Identity = bytes


class Witnesses:
    """Fills the evidence. Each action is known by its name and parameters, which no other record's are."""

    def __init__(self, prepare: Prepare) -> None:
        self.published: list[Published] = []
        self.effects: list[Effect] = []
        self.looks: list[Look] = []
        self.latest: dict[Partition, Look] = {}
        self.disturbances: list[Disturbance] = []
        self.requests: list[Request] = []
        self.dropped: list[tuple[float, float]] = []
        self.stalls: list[tuple[float, float]] = []
        self.applied: set[int] = set()
        """Records of which some action took effect."""
        self.prepare = prepare
        self._wanted: dict[Identity, tuple[int, int]] = {}
        self._early: list[Happened] = []
        """Effects that came before the receipt of their record."""
        self._open: list[Asked] = []
        self._seen = (0, 0)

    def publish(self, draft: Draft, partition: int, offset: int, timestamp: int) -> None:
        """The broker acknowledged it: what is to come of it the contracts' own functions say."""
        number = len(self.published)
        prepared = self.prepare(draft.at(partition, offset, timestamp))
        calls: Sequence[Call] = ()
        lane, repeat = None, ""
        if draft.expect == APPLIED and isinstance(prepared, Prepared):
            calls, repeat = prepared.calls, prepared.repeat.value
            lane = None if prepared.lane is None else repr(prepared.lane)
        for step, call in enumerate(calls):
            self._wanted[_identity_of(call)] = number, step
        place = Place(draft.topic, partition, offset)
        content = hash((draft.key, draft.value))
        self.published.append(
            Published(number, place, lane, repeat, len(calls), draft.expect, content)
        )

    def at(self, places: Collection[Place]) -> list[Published]:
        """The records at these places."""
        return [each for each in self.published if each.place in places]

    def is_done(self, each: Published) -> bool:
        """The store said so at the last look."""
        look = self.latest.get((each.place.topic, each.place.partition))
        return look is not None and look.is_done(each.place.offset)

    def look(self, looks: Iterable[Look]) -> None:
        for each in looks:
            before = self.latest.get(each.partition)
            if before is None or before[2:] != each[2:]:
                self.looks.append(each)
            self.latest[each.partition] = each

    def drain(self, foundry: Foundry) -> None:
        """Take over what Foundry's logs say since the last time."""
        effects, requests = self._seen
        fresh = foundry.effects.since(effects, MANY)
        asked = foundry.requests.since(requests, MANY)
        self._seen = (
            fresh[-1].sequence if fresh else effects,
            asked[-1].number if asked else requests,
        )
        self._take([*self._early, *fresh])
        still_open = []
        for each in [*self._open, *asked]:
            if each.ended is None:
                still_open.append(each)
            elif each.items:
                self._note(each)
                each.items = ()  # the log keeps many requests
        self._open = still_open

    def _take(self, happened: Iterable[Happened]) -> None:
        self._early = []
        for each in happened:
            found = self._wanted.get(_identity(each.action, each.parameters))
            if found is None:
                self._early.append(each)
            else:
                self.applied.add(found[0])
                self.effects.append(Effect(each.sequence, each.time, *found, each.request))

    def _note(self, asked: Asked) -> None:
        if asked.ended is None:
            return
        in_time = asked.ended - asked.time < NEARLY * REQUEST_TIMEOUT
        answered = asked.status == HTTPStatus.OK and asked.delivered and asked.fault in ANSWERED
        if not (answered and in_time):
            carried = self.carried_by(asked)
            self.requests.append(Request(asked.number, asked.time, asked.ended, carried))

    def carried_by(self, asked: Asked) -> frozenset[int]:
        action = asked.path.split("/")[-2]
        found = (self._wanted.get(_identity(action, item)) for item in asked.items)
        return frozenset(each[0] for each in found if each is not None)

    def in_flight(self, foundry: Foundry) -> frozenset[int]:
        """Records whose requests Foundry has, and has not answered."""
        under_way = [self.carried_by(asked) for asked in foundry.requests.under_way]
        return frozenset().union(*under_way)

    def harmful_requests(self, begin: float, end: float) -> int:
        """How many requests that failed were begun in between with actions that must not repeat."""
        return sum(
            begin < request.began < end
            and any(self.published[number].repeat in ONCE for number in request.records)
            for request in self.requests
        )

    def evidence(self, letters: Sequence[Letter], rules: Rules) -> Evidence:
        return Evidence(
            published=self.published,
            effects=self.effects,
            letters=letters,
            looks=self.looks,
            committed={partition: look.offset for partition, look in self.latest.items()},
            disturbances=self.disturbances,
            requests=self.requests,
            dropped=self.dropped,
            stalls=self.stalls,
            strangers=[f"effect {each.sequence}: {each.action}" for each in self._early],
            rules=rules,
        )


def _identity_of(call: Call) -> Identity:
    return _identity(call.action.name, json.loads(call.parameters))


def _identity(action: str, parameters: Mapping[str, Any]) -> Identity:
    return blake2b(identity_of(action, parameters).encode(), digest_size=12).digest()
