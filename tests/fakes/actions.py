"""A process's way to the fake Foundry: implements the core's `Actions`, and holds the core to its rules."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import assert_never

from consumer.model import Lookup, Partition, Request
from consumer.outcomes import (
    Applied,
    Conflicted,
    Found,
    LookupOutcome,
    Missing,
    Outage,
    Outcome,
    Oversized,
    Refused,
    Unknown,
    Withheld,
)
from consumer.state.limits import Limits
from tests.fakes.foundry import FakeFoundry, Target, read_targets
from tests.fakes.log import Coordinate
from tests.fakes.membership import Membership
from tests.fakes.source import FakeSource
from tests.fakes.truth import Truth, name, parse_name

STALE_COMMITS = 10
"""Commit intervals after which nothing new may be sent."""


class FakeActions:
    """Requests of one process."""

    def __init__(
        self,
        process: str,
        *,
        foundry: FakeFoundry,
        source: FakeSource,
        truth: Truth,
        limits: Limits,
        rng: random.Random,
        alive: Callable[[], None],
    ) -> None:
        self.process = process
        self.in_flight = 0
        self.most_in_flight = 0
        self.connection_waits: list[float] = []
        """How long the next requests wait for a connection, before chance has its say."""
        self._foundry, self._source, self._truth = foundry, source, truth
        self._limits, self._rng, self._alive = limits, rng, alive
        self._lanes: set[tuple[Partition, str]] = set()

    async def send(self, request: Request) -> Outcome:
        self._alive()
        targets = read_targets(request)
        self._check_shape(request, targets)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        lanes = set() if request.validate_only else self._enter_lanes(targets)
        try:
            return await self._send(request, targets)
        finally:
            self.in_flight -= 1
            self._lanes -= lanes

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        self._alive()
        membership = self._source.membership
        await asyncio.sleep(self._rng.uniform(0.0, 0.02))
        found = self._foundry.find(lookup)
        await asyncio.sleep(self._rng.uniform(0.0, 0.02))
        self._truth.note(f"{self.process} looks up {lookup.key}: {type(found).__name__}")
        coordinate = parse_name(str(lookup.key))
        match found:
            case Found():
                self._truth.told_applied(coordinate, 0)
                self._settled(coordinate, membership)
            case Missing():
                self._truth.may_be_applied.discard(coordinate)
                self._truth.read_back.add(coordinate)
            case Outage():
                pass
            case _:
                assert_never(found)
        return found

    async def _send(self, request: Request, targets: Sequence[Target]) -> Outcome:
        if not request.may_send():
            return Withheld()
        await asyncio.sleep(self._connection_wait())
        # Once more: from here to the first byte nothing is awaited: the last check and the write are one step.
        if not request.may_send():
            self._truth.note(f"{self.process} withholds {told(targets)}")
            return Withheld()
        if not request.validate_only:
            self._check_at_write(request, targets)
        membership = self._source.membership
        owner = membership.number if membership else -1
        self._truth.note(f"{self.process} sends {request.action.name} {told(targets)}")
        outcome = await self._foundry.receive(request, owner)
        self._truth.note(f"{self.process} gets {type(outcome).__name__} for {told(targets)}")
        if not request.validate_only:
            self._learn(request, targets, outcome, membership)
        return outcome

    def _learn(
        self,
        request: Request,
        targets: Sequence[Target],
        outcome: Outcome,
        membership: Membership | None,
    ) -> None:
        truth = self._truth
        spots = [coordinate for coordinate, _ in targets]
        match outcome:
            case Applied():
                truth.successes[request.action.name].append(truth.now())
                for coordinate, step in targets:
                    truth.told_applied(coordinate, step)
                    truth.failing_since.pop(coordinate, None)
                    # A former owner may have settled it; this one has when it has all of it done again.
                    if step + 1 == truth.log.specs[coordinate].steps:
                        self._settled(coordinate, membership)
                truth.may_be_applied.difference_update(spots)
            case Unknown():
                truth.excuse(spots, outcome.answer.cause)
                truth.unknown_explained.update(spots)
                self._failed(spots)
            case Refused() | Oversized() | Conflicted() | Outage() | Withheld():
                # A successor that inherited the claim does not learn what an evicted member was told.
                if membership is not None and membership.evicted:
                    membership.refused.update(spots)
                else:
                    truth.may_be_applied.difference_update(spots)
                self._failed(spots)
            case _:
                assert_never(outcome)

    def _failed(self, spots: Sequence[Coordinate]) -> None:
        for coordinate in spots:
            self._truth.failed(coordinate)

    def _settled(self, coordinate: Coordinate, membership: Membership | None) -> None:
        """In the session that asked: a later one of this process does not know of it."""
        if coordinate in self._truth.settled and membership is not None:
            membership.settled(coordinate)

    def _connection_wait(self) -> float:
        if self.connection_waits:
            return self.connection_waits.pop(0)
        return self._rng.choice((0.0, 0.0, 0.001, 0.01, 0.3))

    def _check_shape(self, request: Request, targets: Sequence[Target]) -> None:
        truth = self._truth
        if self.in_flight >= self._limits.max_in_flight:
            raise truth.broken(
                "law 11: every limit stops", f"{self.in_flight + 1} requests at once"
            )
        most = min(request.action.batch, self._limits.batch_size)
        if not 1 <= len(targets) <= most:
            raise truth.broken("law 11: every limit stops", f"{len(targets)} in a batch of {most}")
        if len({entry.repeat.claimed for entry in request.entries}) > 1:
            raise truth.broken("batches are of one kind", "claimed and unclaimed in one batch")
        for entry, (coordinate, step), parameters in zip(
            request.entries, targets, request.parameters, strict=True
        ):
            own = (Partition(entry.record.topic, entry.record.partition), entry.record.offset)
            if own != coordinate or step != entry.applied or parameters != entry.call.parameters:
                raise truth.broken("a request carries its records' next actions", name(coordinate))
            if entry.call.action != request.action:
                raise truth.broken("batches are of one kind", f"{name(coordinate)} in {request}")

    def _enter_lanes(self, targets: Sequence[Target]) -> set[tuple[Partition, str]]:
        entered: set[tuple[Partition, str]] = set()
        for coordinate, _ in targets:
            lane = self._truth.log.specs[coordinate].lane
            if lane is None:
                continue
            key = (coordinate[0], lane)
            if key in self._lanes or key in entered:
                raise self._truth.broken("law 3: order per lane", f"two of {lane!r} in flight")
            entered.add(key)
        self._lanes |= entered
        return entered

    def _check_at_write(self, request: Request, targets: Sequence[Target]) -> None:
        truth, source, limits = self._truth, self._source, self._limits
        membership = source.membership
        if membership is None:
            raise truth.broken("only owned partitions are sent", told(targets))
        now = truth.now()
        age = now - membership.oldest_uncommitted({partition for (partition, _), _ in targets})
        begun = all(step for _, step in targets)
        if age > STALE_COMMITS * limits.commit_interval and not begun:
            raise truth.broken("law 4: nothing new while the commit is old", f"{age:.1f} s old")
        for entry, (coordinate, step) in zip(request.entries, targets, strict=True):
            membership.request_leaves(entry, coordinate)
            self._check_order(coordinate, step)
        if now + limits.request_timeout > source.lease():
            raise truth.broken("rule 11: lease", f"{told(targets)} sent when the lease was over")
        for coordinate, _ in targets:
            truth.touched.add(coordinate)
            truth.sent_at[coordinate] = now
            membership.sent.add(coordinate)
            membership.refused.discard(coordinate)
            truth.may_be_applied.add(coordinate)

    def _check_order(self, coordinate: Coordinate, step: int) -> None:
        truth, (partition, _) = self._truth, coordinate
        for earlier in truth.log.earlier_in_lane(coordinate):
            if earlier >= truth.log.start(partition) and (partition, earlier) not in truth.settled:
                raise truth.broken("law 3: order per lane", f"{name(coordinate)} before {earlier}")
        if step and truth.steps_told.get(coordinate, 0) < step:
            raise truth.broken("several actions are sent in turn", f"{name(coordinate)}#{step}")


def told(targets: Sequence[Target]) -> str:
    """The records of a request, for the trace."""
    return " ".join(f"{name(spot)}{f'#{step}' if step else ''}" for spot, step in targets)
