"""What the core relies on in `DeadLetters`, told once and run over the fake ones and over Kafka: so they cannot differ."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

import pytest

from consumer.errors import LetterTooLarge, Unavailable
from consumer.kafka import deadletters
from consumer.kafka.deadletters import KafkaDeadLetters
from consumer.model import Letter, PlainRecord
from consumer.ports import DeadLetters
from deploy.local.kafka import Broker
from tests import virtual_time
from tests.broker import Cluster, unique
from tests.fakes.log import Fate
from tests.flow.process import Process
from tests.flow.world import Options, World
from tests.kafka.member import Told, config

LARGEST = 2_000
"""Bytes of a letter that the topic takes."""


class Place(Protocol):
    """A topic for letters, and a way to it."""

    @property
    def letters(self) -> DeadLetters: ...

    def letter(self, size: int = 10) -> Letter:
        """Of another record each time, with a value of so many bytes."""

    async def written(self) -> Counter[int]:
        """How many letters there are of the records at these offsets."""

    def stands_still(self) -> AbstractAsyncContextManager[None]:
        """The topic, for longer than a write may take."""


class Pretended:
    def __init__(self, world: World, process: Process) -> None:
        self._world, self.letters = world, process.dead_letters
        world.letter_box.largest = LARGEST

    def letter(self, size: int = 10) -> Letter:
        ((_, offset),) = self._world.produce(fate=Fate.INVALID)
        return _letter(self._world.partition(0).topic, offset, size)

    async def written(self) -> Counter[int]:
        letters = self._world.truth.letters
        return Counter({offset: len(found) for (_, offset), found in letters.items()})

    @asynccontextmanager
    async def stands_still(self) -> AsyncIterator[None]:
        self._world.letter_box.down_until = float("inf")
        yield
        self._world.letter_box.down_until = 0.0


@dataclass
class Real:
    broker: Broker
    cluster: Cluster
    letters: DeadLetters
    topic: str
    patch: pytest.MonkeyPatch
    offsets: Iterator[int] = field(default_factory=count)

    def letter(self, size: int = 10) -> Letter:
        return _letter(self.topic, next(self.offsets), size)

    async def written(self) -> Counter[int]:
        found = await self.cluster.read_all(f"{self.topic}.dlq")
        return Counter(int(dict(each.headers)["dlq.offset"] or b"") for each in found)

    @asynccontextmanager
    async def stands_still(self) -> AsyncIterator[None]:
        with self.patch.context() as patch:
            patch.setattr(deadletters, "WRITE_TIMEOUT", 0.3)
            self.broker.suspend()
            try:
                yield
            finally:
                self.broker.resume()


def _letter(topic: str, offset: int, size: int) -> Letter:
    # Bytes that do not compress: it is what is stored that has to fit.
    value = bytes(hash((offset, place)) % 251 for place in range(size))
    return Letter(PlainRecord(topic, 0, offset, value=value), "invalid", "why", "validate")


# The laws -----------------------------------------------------------------------------------------


async def what_is_acknowledged_is_there(place: Place) -> None:
    letter = place.letter()
    await place.letters.write(letter)
    assert (await place.written())[letter.record.offset] == 1

    # Written by one process, and again by whoever has the partition after it.
    await place.letters.write(letter)
    assert (await place.written())[letter.record.offset] == 2


async def letters_that_are_written_together_are_there_once_each(place: Place) -> None:
    letters = [place.letter() for _ in range(50)]

    await asyncio.gather(*map(place.letters.write, letters))

    assert await place.written() == Counter(letter.record.offset for letter in letters)


async def what_is_not_acknowledged_says_so_and_is_there_after_another_try(place: Place) -> None:
    before, during = place.letter(), place.letter()
    await place.letters.write(before)
    async with place.stands_still():
        for _ in range(3):
            with pytest.raises(Unavailable):
                await place.letters.write(during)
    await place.letters.write(during)

    written = await place.written()
    assert written[before.record.offset] == 1
    assert written[during.record.offset] >= 1


async def what_is_too_large_says_so_is_not_there_and_keeps_no_other_back(place: Place) -> None:
    large, small = place.letter(size=2 * LARGEST), place.letter()

    with pytest.raises(LetterTooLarge):
        await place.letters.write(large)
    await place.letters.write(small)

    assert await place.written() == Counter([small.record.offset])


Law = Callable[[Place], Awaitable[None]]
LAWS: list[Law] = [
    what_is_acknowledged_is_there,
    letters_that_are_written_together_are_there_once_each,
    what_is_not_acknowledged_says_so_and_is_there_after_another_try,
    what_is_too_large_says_so_is_not_there_and_keeps_no_other_back,
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("law", LAWS)
def test_the_fake_keeps_it(law: Law, seed: int) -> None:
    async def main() -> None:
        world, told = World(seed, Options()), Told()
        process = world._process("p")
        await process.source.join(told)
        await told.until(lambda: bool(told.sessions))
        await law(Pretended(world, process))
        await process.source.close(leave=True)

    virtual_time.run(main(), seed=seed)


@pytest.mark.kafka
@pytest.mark.timeout(180)
@pytest.mark.parametrize("law", LAWS)
async def test_kafka_keeps_it(law: Law, fragile: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, topic = Cluster(fragile.bootstrap_servers), unique("orders")
    await cluster.create_topic(f"{topic}.dlq", max_message_bytes=str(LARGEST))
    kafka = config(cluster.bootstrap_servers)

    async with KafkaDeadLetters(kafka, [topic], template="{topic}.dlq") as letters:
        await law(Real(fragile, cluster, letters, topic, monkeypatch))
