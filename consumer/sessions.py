"""Sessions: what is assigned, drained and handed over, and how a session ends that got no answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from typing import Final

from consumer.bury import Bury
from consumer.commits import Commits
from consumer.model import Partition
from consumer.ports import Source, Watch
from consumer.state.ledger import Ledger
from consumer.state.offset_codec import Damaged, Known, decode
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload
from consumer.store import Committed, Session
from consumer.submit import Submit

_DRAIN_MARGIN: Final = 3.0
"""Seconds beyond the request timeout after which every request has ended by itself."""

_LAST_COMMIT: Final = 10.0
"""Seconds for the last commit: what the rebalance timeout leaves after the drain, with a margin."""


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
        """Forgotten while a request of theirs was alive: the group is not to be left before it has ended."""
        self._left_undone = False
        """The latest session ended with something undone, and none began since then."""
        self._now = asyncio.get_running_loop().time

    async def assigned(self, session: Session, committed: Mapping[Partition, Committed]) -> None:
        """Begin a tenure for each, knowing what the store says and nothing else."""
        self._left_undone = False
        for partition, found in committed.items():
            former = self._workload.of([partition])
            self._workload.end(former, lost=True)
            self._bury.leave_unpaid(former)
            self._workload.forget(former)
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
            # Read as empty it would send claimed actions again: the partition stands still.
            ledger = Ledger(found.offset, max_span=limits.max_span)
            tenure = Tenure(partition, session, ledger, now=now, suspects_until=now)
            tenure.held = why
            self._watch.held(partition, why)
            return tenure
        self._note(partition, found, known)
        ledger = Ledger(found.offset, known, max_span=limits.max_span)
        until = now + limits.settle_time
        tenure = Tenure(partition, session, ledger, now=now, suspects_until=until)
        # Where the broker does not tell it now, what was told once is kept.
        tenure.topic_id = found.topic_id or (known.topic_id if known else None)
        if known is not None and known.held:
            tenure.all_held_until = until
        return tenure

    def _note(self, partition: Partition, found: Committed, known: Known | None) -> None:
        if known is None and found.metadata:
            self._watch.noted(partition, "metadata of another program is beside its offset")
        elif known is not None and known.claims:
            count = known.claims.bit_count()
            self._watch.noted(partition, f"{count} claims of a former owner are not settled")

    async def revoked(self, partitions: Collection[Partition]) -> bool:
        """Hand these over. False: a request is still alive, so the group must not be left."""
        idle, clean = await self._hand_over(self._workload.of(partitions))
        # What is told is what the next owner finds: a record left in part was not drained.
        self._watch.revoked(partitions, drained=clean)
        return idle

    async def _hand_over(self, tenures: Collection[Tenure]) -> tuple[bool, bool]:
        """Drain, commit, forget: a commit before the drain would miss its work.

        Returns whether no request is alive, and whether nothing was left undone.
        """
        self._workload.end(tenures)
        # What waits for a person would outlast any drain.
        self._bury.leave_unpaid(tenures)
        ended = [*tenures, *self._outlived_by]
        await self._drain(ended)
        for tenure in tenures:
            tenure.over = True
        self._outlived_by = self._alive(ended)
        idle = not self._outlived_by
        drained = idle and not self._workload.begun(tenures)
        # Where it is not stored another process is not told that a lane waits, and goes on at once with what is not
        # claimed: to stay in the group until the wait is over would leave time for a late commit to be stored over
        # those of the next session, and claims with it.
        stored = await self._commits.last(tenures, drained=drained, within=_LAST_COMMIT)
        self._workload.forget(tenures)
        if not (drained and stored):
            self._left_undone = True
        return idle, drained and stored

    def _alive(self, tenures: Collection[Tenure]) -> list[Tenure]:
        return [tenure for tenure in tenures if self._submit.in_hand([tenure])]

    async def _drain(self, tenures: Collection[Tenure]) -> None:
        """Bounded. A letter that is not taken is left to the next owner, who writes it again."""
        # Slots that wait for a claim were answered when the tenures ended: they have to hear of it.
        self._commits.tell()
        deadline = self._now() + self._workload.limits.request_timeout + _DRAIN_MARGIN
        with self._bury.hurried(), contextlib.suppress(TimeoutError):
            # From the beginning: what is applied in part may wait for its letter.
            async with asyncio.timeout_at(deadline):
                await self._submit.drained(tenures)
                await self._bury.drained(tenures)

    def lost(self, partitions: Collection[Partition]) -> None:
        """Taken away unasked: no commit, and what finishes late finishes into an orphan."""
        ended = self._workload.of(partitions)
        alive = self._alive(ended)
        self._outlived_by += alive
        uncommitted = any(t.changes > max(t.saved, 0) for t in ended)
        # Before they end: what is queued of them is dropped then.
        if alive or uncommitted or self._workload.begun(ended):
            self._left_undone = True
        self._workload.end(ended, lost=True)
        self._bury.leave_unpaid(ended)
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
            # Also where nothing is assigned any more: a rebalance may have forgotten what is still alive.
            while (tenures := self._workload.all_tenures) or self._alive(self._outlived_by):
                await self._hand_over(tenures)
                # Again where another session began meanwhile: it is left as well, so it is drained as well.
                if not await self._outlived():
                    raise RuntimeError("a request outlived its timeout: the group cannot be left")
            self._commits.unanswered.clear()
            # As a new member: the broker refuses what the old one sent, however late it lands.
            await self._source.rejoin()

    async def _outlived(self) -> bool:
        """True when the requests that a drain left alive have ended, those of earlier sessions too.

        A record's next action may have begun late in the drain; nobody waits for us to leave.
        """
        try:
            async with asyncio.timeout(self._workload.limits.request_timeout + _DRAIN_MARGIN):
                await self._submit.drained(self._outlived_by)
        except TimeoutError:
            return False
        return True

    async def hand_over(self) -> tuple[bool, bool]:
        """The end of the service: hand over everything. Returns (no request alive, nothing undone)."""
        idle, _ = await self._hand_over(self._workload.all_tenures)
        # Also where the session had ended before the stop came, and nobody has taken up what it left.
        return idle, not self._left_undone


def made_anew(known: Known | None, found: Committed) -> str | None:
    """Why an offset means nothing: it was committed for another topic of the same name. None: it was not."""
    if known is None or None in (known.topic_id, found.topic_id):
        return None
    if known.topic_id == found.topic_id:
        return None
    return (
        f"its topic was made anew: offset {found.offset} was committed for the topic with id "
        f"{known.topic_id}, the name is now that of {found.topic_id}; stop the group, and set its offset to "
        "where it shall go on (kafka-consumer-groups --reset-offsets)"
    )
