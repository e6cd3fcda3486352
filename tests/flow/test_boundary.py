"""A bug that meets one record is that record's: it is tried once more, and all others go on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from consumer.errors import Rejected
from consumer.model import Ignored, Lookup, Prepared, Record, Repeat, Request, Unreadable
from consumer.outcomes import LookupOutcome, Outcome
from consumer.ports import Actions
from tests.fakes.log import Coordinate
from tests.fakes.watch import coordinate_of
from tests.flow.laws import letters_of
from tests.flow.process import Ports, Prepare, Service, core
from tests.flow.simulate import simulate
from tests.flow.world import World


class Stumbles:
    """Actions that raise once, as a bug of the client would, before anything has left."""

    def __init__(self, inner: Actions) -> None:
        self._inner = inner
        self.stumbled = False

    async def send(self, request: Request) -> Outcome:
        if not self.stumbled:
            self.stumbled = True
            raise ZeroDivisionError("a bug of the client")
        return await self._inner.send(request)

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        return await self._inner.look_up(lookup)


def stumbling(ports: Ports) -> Service:
    return core(replace(ports, actions=Stumbles(ports.actions)))


@pytest.mark.parametrize("repeat", [Repeat.SAFE, Repeat.CREATE])
def test_a_bug_in_sending_one_request_stops_nothing(repeat: Repeat) -> None:
    async def story(world: World) -> None:
        records = world.produce(3, lane="a", repeat=repeat) + world.produce(3, repeat=repeat)
        world.start()
        await world.settled(within=30)

        assert not world.truth.letters
        assert all(world.truth.executed(record) for record in records)

    simulate(story, service=stumbling)


def counting(prepare: Prepare, tried: Counter[Coordinate], *, raises: int) -> Prepare:
    """The pipeline, which raises so many times for each record before it does what it should."""

    def counted(record: Record | Unreadable) -> Prepared | Ignored | Rejected:
        coordinate = coordinate_of(record)
        tried[coordinate] += 1
        if tried[coordinate] <= raises:
            raise ZeroDivisionError("a bug of the moment")
        return prepare(record)

    return counted


@pytest.mark.parametrize("raises", [0, 1])
def test_a_record_is_prepared_once_and_after_a_bug_once_more(raises: int) -> None:
    async def story(world: World) -> None:
        world.produce(3, lane="a")
        world.start()
        await world.settled(within=30)

        assert letters_of(world.truth, "internal") == []
        assert tried == dict.fromkeys(world.truth.settled, raises + 1)

    tried: Counter[Coordinate] = Counter()
    simulate(
        story,
        service=lambda ports: core(
            replace(ports, prepare=counting(ports.prepare, tried, raises=raises))
        ),
    )
