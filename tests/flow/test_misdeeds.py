"""Each misdeed is caught at the moment it is done, by the fake that it is done to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace

import pytest

from consumer.model import (
    Letter,
    Partition,
    PlainRecord,
    Prepared,
    Record,
    Repeat,
    Request,
    Unreadable,
)
from consumer.state.offset_codec import encode
from consumer.store import Commit, Committed, Session
from tests.fakes.foundry import Plan
from tests.fakes.truth import LawBroken
from tests.flow.process import Ports
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

Misdeed = Callable[["Culprit", Sequence[Prepared]], Awaitable[object]]


class Culprit:
    """Joins, takes ten records, does one thing that is not allowed."""

    def __init__(self, ports: Ports, misdeed: Misdeed) -> None:
        self.ports = ports
        self.misdeed = misdeed
        self.session: Session | None = None
        self.partition = World.partition(0)

    def stop(self) -> None:
        """Never asked: the run ends before."""

    async def run(self) -> None:
        await self.ports.source.join(self)
        records: list[Record | Unreadable] = []
        while len(records) < 10:
            records += await self.ports.source.poll([self.partition], 10, 1.0)
        await asyncio.sleep(1)
        made = [self.ports.prepare(record) for record in records]
        await self.misdeed(self, [entry for entry in made if isinstance(entry, Prepared)])

    async def assigned(self, session: Session, committed: Mapping[Partition, Committed]) -> None:
        self.session = session

    async def revoked(self, partitions: Collection[Partition]) -> bool:
        return True

    def lost(self, partitions: Collection[Partition]) -> None:
        """Nothing of it is kept."""

    async def send(self, *entries: Prepared) -> object:
        call = entries[0].call
        body = [entry.call.parameters for entry in entries]
        return await self.ports.actions.send(Request(call.action, body, entries, lambda: True))

    async def commit(self, offset: int, done: int = 0, claims: int = 0) -> object:
        assert self.session is not None
        commit = Commit(offset, encode(done, claims, drained=False))
        return await self.ports.source.commit(self.session, {self.partition: commit})


async def two_of_a_lane(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await asyncio.gather(culprit.send(entries[0]), culprit.send(entries[1]))


async def two_of_a_lane_in_a_batch(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await culprit.send(entries[0], entries[1])


async def out_of_order(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await culprit.send(entries[1])


async def too_many_at_once(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await asyncio.gather(*(culprit.send(entry) for entry in entries[2:8]))


async def too_large_a_batch(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await culprit.send(*entries[2:8])


async def two_types_in_a_batch(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await culprit.send(entries[2], entries[8])


async def claimed_beside_unclaimed(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await culprit.send(entries[2], entries[9])


async def the_wrong_action(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    entries[2].calls = entries[3].calls
    return await culprit.send(entries[2])


async def two_commits_at_once(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await asyncio.gather(culprit.commit(0), culprit.commit(0))


async def a_done_bit_too_many(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await culprit.commit(0, done=0b100)


async def a_done_bit_forgotten(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    await culprit.send(entries[2])
    await culprit.commit(0, done=0b100)
    return await culprit.commit(0)


async def a_claim_forgotten(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    await culprit.commit(0, claims=1 << 9)
    sending = asyncio.create_task(culprit.send(entries[9]))
    await asyncio.sleep(1)
    await culprit.commit(0)
    return await sending


async def a_claim_dropped_before_sending(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    await culprit.commit(0, claims=1 << 9)
    await culprit.commit(0)
    return await culprit.send(entries[9])


async def a_claim_ahead_of_its_lane(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    return await culprit.commit(0, claims=0b10)


async def a_watermark_that_goes_back(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    await culprit.send(entries[0])
    await culprit.commit(1)
    return await culprit.commit(0)


async def too_much_metadata(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    assert culprit.session is not None
    commit = Commit(0, "x" * 4_097)
    return await culprit.ports.source.commit(culprit.session, {culprit.partition: commit})


async def somebody_elses_session(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    culprit.session = Session("m9", -1)
    return await culprit.commit(0)


async def two_polls_at_once(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    poll = culprit.ports.source.poll
    return await asyncio.gather(poll([culprit.partition], 1, 1), poll([culprit.partition], 1, 1))


async def leaving_with_a_request(culprit: Culprit, entries: Sequence[Prepared]) -> object:
    sending = asyncio.create_task(culprit.send(entries[2]))
    await asyncio.sleep(0)
    await culprit.ports.source.close(leave=True)
    return await sending


async def a_false_reason(culprit: Culprit, entries: Sequence[Prepared]) -> None:
    letter = Letter(PlainRecord("t", 0, 2), "invalid", "", "")
    await culprit.ports.dead_letters.write(letter)


async def unknown_without_a_failure(culprit: Culprit, entries: Sequence[Prepared]) -> None:
    letter = Letter(PlainRecord("t", 0, 9), "unknown", "", "")
    await culprit.ports.dead_letters.write(letter)


async def telling_what_is_not_so(culprit: Culprit, entries: Sequence[Prepared]) -> None:
    culprit.ports.watch.applied(entries[:1], already=False)


@pytest.mark.parametrize(
    ("misdeed", "law"),
    [
        (two_of_a_lane, "law 3"),
        (two_of_a_lane_in_a_batch, "law 3"),
        (out_of_order, "law 3"),
        (too_many_at_once, "law 11"),
        (too_large_a_batch, "law 11"),
        (two_types_in_a_batch, "batches are of one kind"),
        (claimed_beside_unclaimed, "batches are of one kind"),
        (the_wrong_action, "a request carries"),
        (two_commits_at_once, "rule 3"),
        (a_done_bit_too_many, "law 1:"),
        (a_done_bit_forgotten, "rule 2"),
        (a_claim_forgotten, "rule 2"),
        (a_claim_dropped_before_sending, "rule 1:"),
        (a_claim_ahead_of_its_lane, "rule 15"),
        (a_watermark_that_goes_back, "rule 2"),
        (too_much_metadata, "metadata always fits"),
        (somebody_elses_session, "rule 5"),
        (two_polls_at_once, "poll must not"),
        (leaving_with_a_request, "rule 9"),
        (a_false_reason, "letters have"),
        (unknown_without_a_failure, "unknown letters"),
        (telling_what_is_not_so, "what is told"),
    ],
)
def test_a_misdeed_is_caught(misdeed: Misdeed, law: str) -> None:
    async def story(world: World) -> None:
        world.produce(2, lane="a")
        world.produce(6)
        world.produce(1, action="other")
        world.produce(1, repeat=Repeat.NEVER)
        world.foundry.plans.extend(Plan(2.0, 3.0) for _ in range(6))
        world.start()
        await world.settled()

    with pytest.raises(LawBroken) as caught:
        simulate(
            story,
            service=lambda ports: Culprit(ports, misdeed),
            limits=replace(LIMITS, batch_size=5, max_in_flight=5),
        )

    assert caught.value.law.startswith(law)
