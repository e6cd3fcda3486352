"""Sessions: assigned, drained, handed over; and how one ends whose commit got no answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from typing import Final

from consumer.bury import Bury
from consumer.commits import Commits
from consumer.model import Partition, Prepared
from consumer.ports import Source, Watch
from consumer.state.ledger import Ledger
from consumer.state.offset_codec import Damaged, Known, decode
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload, owner
from consumer.store import Committed, Session
from consumer.submit import Submit

_DRAIN_MARGIN: Final = 3.0
"""Seconds beyond the request timeout after which every request has ended by itself."""

_LAST_COMMIT: Final = 10.0
"""Seconds for the last commit: what the rebalance timeout leaves after the drain, less a margin."""


class Sessions:
    """The source's listener."""

    def __init__(
        self,
        source: Source,
        watch: Watch,
        workload: Workload,
        commits: Commits,
        submit: Submit,
        bury: Bury,
    ) -> None:
        self._source = source
        self._watch = watch
        self._workload = workload
        self._commits = commits
        self._submit = submit
        self._bury = bury
        self._outlived_by: list[Tenure] = []
        """Forgotten while a request of theirs was still alive: the group must not be left before it has ended."""
        self._left_undone = False
        """The latest session ended with something undone, and none has begun since."""
        self._now = asyncio.get_running_loop().time

    async def assigned(self, session: Session, committed: Mapping[Partition, Committed]) -> None:
        """Begin a tenure for each, from what the store says and nothing else."""
        self._left_undone = False
        former = self._workload.of(committed)
        self._workload.end(former, lost=True)
        self._bury.wind_up(former)
        self._workload.forget(former)
        for partition, found in committed.items():
            self._workload.tenures[partition] = self._tenure(partition, session, found)
        self._watch.assigned(list(committed))

    def _tenure(self, partition: Partition, session: Session, found: Committed) -> Tenure:
        now, limits = self._now(), self._workload.limits
        try:
            known = decode(found.metadata)
            why = made_anew(known, found)
        except Damaged as fault:
            known, why = None, f"its commit metadata cannot be trusted: {fault}"
        if why is not None:
            # Taken as empty, claimed actions would be sent again: so the partition stands still.
            ledger = Ledger(found.offset, max_span=limits.max_span)
            tenure = Tenure(partition, session, ledger, now=now, suspects_until=now)
            tenure.held = why
            self._watch.held(partition, why)
            return tenure
        self._note(partition, found, known)
        ledger = Ledger(found.offset, known, max_span=limits.max_span)
        until = now + limits.settle_time
        tenure = Tenure(partition, session, ledger, now=now, suspects_until=until)
        # If the broker does not say now, the id that was known before is kept.
        tenure.topic_id = found.topic_id or (known.topic_id if known else None)
        if known is not None and known.held:
            tenure.hold_all()
        return tenure

    def _note(self, partition: Partition, found: Committed, known: Known | None) -> None:
        if known is None and found.metadata:
            self._watch.noted(partition, "its commit metadata was written by another program")
        elif known is not None and known.claims:
            count = known.claims.bit_count()
            self._watch.noted(partition, f"{count} claims of a former owner are not settled")

    async def revoked(self, partitions: Collection[Partition]) -> bool:
        """Hand these over. False: a request is still alive, so the group must not be left."""
        idle, clean = await self._hand_over(self._workload.of(partitions))
        # Report what the next owner will find: with a record partly applied, it is not drained.
        self._watch.revoked(partitions, drained=clean)
        return idle

    async def _hand_over(self, tenures: Collection[Tenure]) -> tuple[bool, bool]:
        """Drain, commit, forget, in this order: a commit before the drain would miss its work.

        Returns whether no request is alive, and whether nothing was left undone.
        """
        self._workload.end(tenures)
        # Letters that wait for the budget may wait for a person: no drain would be long enough. And before the drain,
        # as a record that is partly applied may be waiting for its letter.
        self._bury.wind_up(tenures)
        ended = [*tenures, *self._outlived_by]
        await self._drain(ended)
        for tenure in tenures:
            tenure.over = True
        self._outlived_by = self._alive(ended)
        idle = not self._outlived_by
        in_part = self._workload.in_part(tenures)
        drained = idle and not self._workload.begun(tenures)
        # If it is not stored, the next owner does not learn that a lane has to wait, and at once goes on with what is
        # not claimed. To stay in the group until the wait is over would be worse: a late commit could then be stored
        # over those of the next session, claims included.
        stored = await self._commits.last(tenures, drained=drained, within=_LAST_COMMIT)
        self._workload.forget(tenures)
        clean = drained and stored and not in_part
        if not clean:
            self._left_undone = True
            self._say_undone(in_part)
        return idle, clean

    def _say_undone(self, in_part: Collection[Prepared]) -> None:
        """Once for each partition. That a commit is not stored has its own line."""
        for tenure in self._outlived_by:
            self._watch.noted(
                tenure.partition, "a request is still on its way: it outlived the drain"
            )
        first: dict[Partition, int] = {}
        for entry in in_part:
            partition, offset = owner(entry).partition, entry.record.offset
            first[partition] = min(offset, first.get(partition, offset))
        for partition, offset in sorted(first.items()):
            what = (
                f"offset {offset} was applied in part: the next owner begins with its first action"
            )
            self._watch.noted(partition, what)

    def _alive(self, tenures: Collection[Tenure]) -> list[Tenure]:
        in_hand = self._submit.tenures
        return [tenure for tenure in tenures if tenure in in_hand]

    async def _drain(self, tenures: Collection[Tenure]) -> None:
        """Wait, within bounds, for requests and letters. A letter that is not taken is left to the next owner."""
        # Claims that were waiting got their answer when the tenures ended: wake the slots that wait for it.
        self._commits.tell()
        deadline = self._now() + self._workload.limits.request_timeout + _DRAIN_MARGIN
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._submit.drained(tenures)
                await self._bury.drained(tenures)

    def lost(self, partitions: Collection[Partition]) -> None:
        """Taken away without notice: no commit, and what finishes late ends in an orphaned tenure."""
        ended = self._workload.of(partitions)
        alive = self._alive(ended)
        self._outlived_by = self._alive(self._outlived_by) + alive
        uncommitted = any(t.changes > max(t.saved, 0) for t in ended)
        # Asked before they end, which drops what is queued of them.
        if alive or uncommitted or self._workload.begun(ended):
            self._left_undone = True
        self._workload.end(ended, lost=True)
        self._bury.wind_up(ended)
        self._commits.tell()
        self._workload.forget(ended)
        self._watch.revoked(partitions, drained=False)

    async def renew(self) -> None:
        """End each session whose commit got no answer. Ends only by cancellation.

        Raises:
            RuntimeError: a request outlived its own timeout, so the group must not be left.
        """
        while True:
            await self._commits.unanswered.wait()
            self._commits.unanswered.clear()
            # Even if nothing is assigned any more: a rebalance may have forgotten a tenure with a live request.
            while (tenures := self._workload.all_tenures) or self._alive(self._outlived_by):
                await self._hand_over(tenures)
                # In a loop: if another session has begun meanwhile it will be left too, so it is drained too.
                if not await self._outlived():
                    raise RuntimeError("a request outlived its timeout: the group cannot be left")
            self._commits.unanswered.clear()
            # As a new member: then the broker refuses whatever the old one sent, however late it arrives.
            await self._source.rejoin()

    async def _outlived(self) -> bool:
        """True when the requests that outlived a drain have ended, those of earlier sessions included.

        A record's next action may have begun late in the drain. Nobody waits for us to leave, so there is time.
        """
        try:
            async with asyncio.timeout(self._workload.limits.request_timeout + _DRAIN_MARGIN):
                await self._submit.drained(self._outlived_by)
        except TimeoutError:
            return False
        return True

    async def hand_over(self) -> tuple[bool, bool]:
        """At the end of the service, hand over everything. Returns (no request alive, nothing left undone)."""
        idle, _ = await self._hand_over(self._workload.all_tenures)
        # Even if the session had ended before the stop came, and no later one took up what it left.
        return idle, not self._left_undone


def made_anew(known: Known | None, found: Committed) -> str | None:
    """Why the offset means nothing: it was committed for another topic of the same name. None: it was not."""
    if known is None or None in (known.topic_id, found.topic_id):
        return None
    if known.topic_id == found.topic_id:
        return None
    return (
        f"its topic was recreated: offset {found.offset} was committed for topic id {known.topic_id}, the name now "
        f"belongs to topic id {found.topic_id}; stop the group, and set its offset to where it should continue "
        "(kafka-consumer-groups --reset-offsets)"
    )
