"""A service that does one thing at a time, right or wrong on purpose: proves that the world catches what it must."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from consumer.errors import Reason, Rejected, Unavailable
from consumer.model import (
    Ignored,
    Letter,
    Partition,
    PlainRecord,
    Prepared,
    Record,
    Repeat,
    Request,
    Unreadable,
)
from consumer.outcomes import Applied, Found, Refused, Unknown, Withheld
from consumer.state.offset_codec import decode, encode
from consumer.store import Commit, CommitResult, Committed, Session
from tests.fakes.marks import Marks
from tests.flow.process import Ports


@dataclass(slots=True, eq=False)
class Share:
    """One partition during one session."""

    partition: Partition
    session: Session
    offset: int
    done: set[int]
    claims: set[int]
    suspects: set[int]
    began: float
    open: bool = True
    waiting: list[Record | Unreadable] = field(default_factory=list)

    def commit(self, *, drained: bool, claims: bool) -> Commit:
        while self.offset in self.done:
            self.done.discard(self.offset)
            self.offset += 1
        named = self.claims - self.done if claims else set()
        return Commit(
            self.offset, encode(self._bits(self.done), self._bits(named), drained=drained)
        )

    def _bits(self, offsets: Collection[int]) -> int:
        return sum(1 << (offset - self.offset) for offset in offsets if offset >= self.offset)


class Naive:
    """Serial. `flaws` names what it does wrong."""

    def __init__(self, ports: Ports, flaws: Collection[str]) -> None:
        self.ports = ports
        self.flaws = flaws
        self.shares: dict[Partition, Share] = {}
        self.stopping = asyncio.Event()
        self.turn = asyncio.Lock()

    def stop(self) -> None:
        self.stopping.set()

    async def run(self) -> bool:
        await self.ports.source.join(self)
        while not self.stopping.is_set():
            wanted = [share.partition for share in self.shares.values() if share.open]
            for record in await self.ports.source.poll(wanted, 5, 0.5):
                share = self.shares.get(Partition(record.topic, record.partition))
                if share is not None and share.open:
                    share.waiting.append(record)
            await self._work()
            for partition, share in self.shares.items():
                if share.open and not share.waiting:
                    share.done.update(range(share.offset, self.ports.source.position(partition)))
        await self.revoked(list(self.shares))
        await self.ports.source.close(leave=True)
        return True

    # The listener --------------------------------------------------------------------------------

    async def assigned(self, session: Session, committed: Mapping[Partition, Committed]) -> None:
        now = self.ports.clock.now()
        for partition, found in committed.items():
            marks = Marks.read(Commit(found.offset, found.metadata))
            known = decode(found.metadata)
            assert marks is not None
            suspects = set(marks.claims) if known else set()
            self.shares[partition] = Share(
                partition, session, found.offset, set(marks.done), set(suspects), suspects, now
            )

    async def revoked(self, partitions: Collection[Partition]) -> bool:
        shares = [self.shares[partition] for partition in partitions if partition in self.shares]
        for share in shares:
            share.open = False
        if "no drain" in self.flaws:
            await self._last_commits(shares)
        else:
            async with self.turn:
                await self._last_commits(shares)
        for share in shares:
            self.shares.pop(share.partition, None)
        return True

    async def _last_commits(self, shares: Collection[Share]) -> None:
        for share in shares:
            if self.shares.get(share.partition) is share and "no last commit" not in self.flaws:
                await self._commit(share, drained=True)

    def lost(self, partitions: Collection[Partition]) -> None:
        for partition in partitions:
            if partition in self.shares and "works when lost" not in self.flaws:
                self.shares.pop(partition).open = False

    # One record after another --------------------------------------------------------------------

    async def _work(self) -> None:
        for share in list(self.shares.values()):
            while share.open and share.waiting:
                record = share.waiting.pop(0)
                async with self.turn:
                    if record.offset not in share.done:
                        await self._settle(share, record)
                    if "never commits" not in self.flaws:
                        await self._commit_if_open(share)

    async def _commit_if_open(self, share: Share) -> None:
        if share.open:
            await self._commit(share)

    async def _settle(self, share: Share, record: Record | Unreadable) -> None:
        if "commits early" in self.flaws:
            share.done.add(record.offset)
            await self._commit(share)
        try:
            made = self.ports.prepare(record)
        except ZeroDivisionError as bug:
            made = Rejected("internal", str(bug), stage="prepare")
        if isinstance(made, Ignored):
            share.done.add(record.offset)
        elif isinstance(made, Rejected):
            await self._letter(share, record, made.reason)
        elif isinstance(made, Prepared):
            await self._apply(share, made)

    async def _apply(self, share: Share, entry: Prepared) -> None:
        if await self._over_already(share, entry):
            return
        while entry.applied < len(entry.calls) and share.open:
            if entry.repeat.claimed and "no claims" not in self.flaws:
                share.claims.add(entry.record.offset)
                if not await self._claimed(share):
                    return
            if await self._send(share, entry):
                return
        if entry.applied == len(entry.calls):
            share.done.add(entry.record.offset)

    async def _over_already(self, share: Share, entry: Prepared) -> bool:
        offset = entry.record.offset
        if offset not in share.suspects or "sends suspects" in self.flaws:
            return False
        await self._wait(share.began + self.ports.limits.settle_time)
        if entry.repeat is Repeat.NEVER:
            await self._letter(share, entry.record, "unknown")
            return True
        if entry.repeat is Repeat.ASK and await self._applied_already(entry):
            share.done.add(offset)
            return True
        return False

    async def _claimed(self, share: Share) -> bool:
        if "sends before the claim" in self.flaws:
            return True
        return await self._commit(share)

    async def _send(self, share: Share, entry: Prepared) -> bool:
        """True when there is nothing more to do for this record."""
        request = Request(
            entry.call.action, [entry.call.parameters], [entry], self._permission(share)
        )
        outcome = await self.ports.actions.send(request)
        match outcome:
            case Applied():
                entry.applied += 1
                return False
            case Refused():
                await self._letter(share, entry.record, "rejected", entry)
                return True
            case Unknown():
                return await self._unknown(share, entry)
            case Withheld():
                share.claims.discard(entry.record.offset)
                await asyncio.sleep(0.2)
                return not share.open
            case _:
                share.claims.discard(entry.record.offset)
                if "letters outages" in self.flaws:
                    await self._letter(share, entry.record, "exhausted", entry)
                    return True
                await asyncio.sleep(0.5)
                return False

    def _permission(self, share: Share) -> Callable[[], bool]:
        def may_send() -> bool:
            timeout = self.ports.limits.request_timeout
            in_lease = self.ports.clock.now() + timeout <= self.ports.source.lease()
            return (in_lease or "no lease" in self.flaws) and (
                share.open or "works when lost" in self.flaws
            )

        return may_send

    async def _unknown(self, share: Share, entry: Prepared) -> bool:
        if entry.repeat is Repeat.NEVER and "repeats unknowns" not in self.flaws:
            await self._letter(share, entry.record, "unknown", entry)
            await self._wait_out()
            return True
        await self._wait_out()
        if entry.repeat is Repeat.ASK and await self._applied_already(entry):
            share.done.add(entry.record.offset)
            return True
        return False

    async def _applied_already(self, entry: Prepared) -> bool:
        assert entry.lookup is not None
        while True:
            found = await self.ports.actions.look_up(entry.lookup)
            if isinstance(found, Found):
                return True
            if type(found).__name__ == "Missing":
                return False
            await asyncio.sleep(0.5)

    async def _wait_out(self) -> None:
        await self._wait(self.ports.clock.now() + self.ports.limits.settle_time)

    async def _wait(self, until: float) -> None:
        if "waits for nothing" not in self.flaws:
            await asyncio.sleep(max(0.0, until - self.ports.clock.now()))

    async def _letter(
        self,
        share: Share,
        record: Record | Unreadable,
        reason: Reason,
        entry: Prepared | None = None,
    ) -> None:
        if "drops letters" in self.flaws:
            share.done.add(record.offset)
            return
        plain = PlainRecord(record.topic, record.partition, record.offset)
        action = entry.call.action.name if entry else None
        while True:
            try:
                await self.ports.dead_letters.write(Letter(plain, reason, "", "", action=action))
            except Unavailable:
                await asyncio.sleep(0.2)
            else:
                share.done.add(record.offset)
                return

    async def _commit(self, share: Share, *, drained: bool = False) -> bool:
        """True if it is stored. Without an answer it rejoins, as a new member."""
        claims = "forgets claims" not in self.flaws
        while True:
            commit = share.commit(drained=drained, claims=claims)
            results = await self.ports.source.commit(share.session, {share.partition: commit})
            result = results[share.partition]
            if result is CommitResult.AGAIN or (result is CommitResult.REBALANCING and share.open):
                await asyncio.sleep(0.1)
                continue
            if result is CommitResult.UNANSWERED and "unanswered is stored" in self.flaws:
                return True
            if result is CommitResult.UNANSWERED and share.open:
                share.open = False
                self._renewing = asyncio.create_task(self._renew())
            return result is CommitResult.STORED

    async def _renew(self) -> None:
        await self.revoked(list(self.shares))
        await self.ports.source.rejoin()


def naive(*flaws: str) -> Callable[[Ports], Naive]:
    """A service for `simulate`."""
    return lambda ports: Naive(ports, flaws)
