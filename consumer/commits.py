"""Commits: one in flight at a time, each a whole snapshot that carries all waiting claims.

A commit that gets no answer may land later, over newer ones: it ends the session, and from then on
nothing is claimed in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from consumer.model import Partition, Prepared
from consumer.ports import Source, Watch
from consumer.state.offset_codec import encode
from consumer.state.tenure import Claim, Tenure
from consumer.state.workload import Workload, owner
from consumer.store import Commit, CommitResult

_BYTES_PER_SECOND: Final = 1_000_000
"""Commits for claims all go into one partition of the offsets topic: they must not flood it."""
_AGAIN_AFTER: Final = 0.1
_STALE_INTERVALS: Final = 10
_REFUSED_AGAIN: Final = 10.0
"""Seconds after which a commit that the broker refused is tried again."""
_REFUSED: Final = "the broker refuses its commits: see `commit not stored` in the log"


class Commits:
    """The commit loop. A harmful action waits for `claim` to return."""

    def __init__(self, source: Source, workload: Workload, watch: Watch) -> None:
        self._source = source
        self._workload = workload
        self._watch = watch
        self._interval = workload.limits.commit_interval
        self._asked = asyncio.Event()
        self._answered: list[asyncio.Future[None]] = []
        self._one_at_a_time = asyncio.Lock()
        self._pause = 0.0
        self.unanswered = asyncio.Event()
        """Set when the session must end."""

    def stale(self, tenure: Tenure, now: float) -> bool:
        """True: its last commit is too old or was refused, so nothing new may be sent: a kill would repeat it all."""
        # During a drain nothing is committed, but only what was begun is sent: that leaves less to repeat.
        if tenure.ending:
            return False
        refused = tenure.refused is not None
        return refused or now - tenure.acknowledged > _STALE_INTERVALS * self._interval

    async def claim(self, entries: Sequence[Prepared]) -> None:
        """Return when each claim is answered: durable, or never to be (its tenure is ending)."""
        offsets: dict[Tenure, list[int]] = {}
        # Including those whose claim was refused while others of their batch still waited for theirs.
        without = [entry for entry in entries if entry.claim is None or not entry.claim.durable]
        for entry in without:
            if not owner(entry).ending:
                offsets.setdefault(owner(entry), []).append(entry.record.offset)
        claims = {tenure: tenure.claim(wanted) for tenure, wanted in offsets.items()}
        for entry in without:
            entry.claim = claims.get(owner(entry))
        self._asked.set()
        await self._answer_of(list(claims.values()))

    async def _answer_of(self, claims: Sequence[Claim]) -> None:
        while not all(claim.answered for claim in claims):
            answered = asyncio.get_running_loop().create_future()
            self._answered.append(answered)
            await answered

    def tell(self) -> None:
        """Wake those who wait for an answer."""
        answered, self._answered = self._answered, []
        for future in answered:
            if not future.done():
                future.set_result(None)

    async def run(self) -> None:
        """Commit what changed, every interval and whenever a claim waits. Ends only by cancellation."""
        while True:
            await self._until_asked()
            await self.commit([t for t in self._workload.tenures.values() if not t.ending])

    async def _until_asked(self) -> None:
        # Claims do not wait for the interval, only for the pause after a large or a refused commit.
        if self._pause:
            await asyncio.sleep(self._pause)
        try:
            async with asyncio.timeout(max(0.0, self._interval - self._pause)):
                await self._asked.wait()
        except TimeoutError:
            pass
        self._asked.clear()

    async def commit(self, tenures: Collection[Tenure], *, drained: bool = False) -> bool:
        """Commit once what has changed in these tenures; True if all of it is stored."""
        async with self._one_at_a_time:
            return await self._commit(tenures, drained=drained)

    async def last(self, tenures: Collection[Tenure], *, drained: bool, within: float) -> bool:
        """The last commit of these tenures, repeated until its answer is final; True if all is stored.

        `within`: seconds after which no more is tried.
        """
        left = list(tenures)
        try:
            async with asyncio.timeout(within):
                while not await self.commit(left, drained=drained):
                    left = [tenure for tenure in left if tenure.again]
                    if not left:
                        break
                    await asyncio.sleep(_AGAIN_AFTER)
        except TimeoutError:
            pass
        return all(map(_all_stored, tenures))

    async def _commit(self, tenures: Collection[Tenure], *, drained: bool) -> bool:
        started = asyncio.get_running_loop().time()
        changed = [t for t in tenures if _to_commit(t) and _is_due(t, started)]
        # The content is frozen here: what is claimed from now on waits for the next commit.
        content = {t: (_snapshot(t, drained=drained), t.changes, t.claims) for t in changed}
        for tenure in changed:
            tenure.claims = []
        self._pause = sum(len(c.metadata) for c, _, _ in content.values()) / _BYTES_PER_SECOND
        for tenure in tenures:
            if tenure not in content and tenure.refused is None and _to_commit(tenure):
                tenure.acknowledged = started
        if not content:
            return True
        results = await self._source_commit(
            {tenure.partition: commit for tenure, (commit, _, _) in content.items()}, changed
        )
        self._end_lost([t for t in content if results[t.partition] is CommitResult.LOST])
        for tenure, (_, changes, claims) in content.items():
            if results[tenure.partition] is CommitResult.STORED:
                tenure.acknowledged = started
                tenure.handed_over = drained
            self._settle(tenure, results[tenure.partition], changes, claims)
        stored = all(result is CommitResult.STORED for result in results.values())
        if not stored:
            self._pause = max(self._pause, _AGAIN_AFTER)
            self._asked.set()
        self._watch.committed(results)
        self.tell()
        return stored

    def _end_lost(self, lost: Collection[Tenure]) -> None:
        """All at once, because ending looks at everything that is queued."""
        if lost:
            self._workload.end(lost, lost=True)

    async def _source_commit(
        self, commits: dict[Partition, Commit], tenures: Iterable[Tenure]
    ) -> dict[Partition, CommitResult]:
        """One request per session; the tenures of two sessions overlap for a moment at most."""
        results: dict[Partition, CommitResult] = {}
        for session in {tenure.session for tenure in tenures}:
            own = {t.partition: commits[t.partition] for t in tenures if t.session == session}
            try:
                results.update(await self._source.commit(session, own))
            except asyncio.CancelledError:
                self.unanswered.set()  # it is in flight, and may land over whatever comes next
                raise
        return results

    def _settle(
        self, tenure: Tenure, result: CommitResult, changes: int, claims: list[Claim]
    ) -> None:
        tenure.again = result in (CommitResult.AGAIN, CommitResult.REBALANCING)
        match result:
            case CommitResult.STORED:
                self._stored(tenure, changes, claims)
                return
            case CommitResult.AGAIN | CommitResult.REBALANCING if not tenure.ending:
                claims = claims + tenure.claims
                # If it is too old, nothing more of it is sent, so nobody should wait for it, as below.
                stale = self.stale(tenure, asyncio.get_running_loop().time())
                tenure.claims = [] if stale else claims
                if not stale:
                    return
            case CommitResult.UNANSWERED if not tenure.lost:
                self._workload.end(self._workload.all_tenures)
                self.unanswered.set()
            case CommitResult.REFUSED:
                # It was answered, so it cannot land later: the session goes on, and only this partition stands still.
                self._refused(tenure)
                # Nobody should wait for the next try: the slots are for other partitions.
                claims = claims + tenure.claims
                tenure.claims = []
            case _:
                pass
        for claim in claims:
            claim.answer(durable=False)

    def _stored(self, tenure: Tenure, changes: int, claims: list[Claim]) -> None:
        tenure.saved = changes
        for claim in claims:
            claim.answer(durable=not tenure.ending)
        if tenure.refused is not None:
            tenure.refused = None
            self._watch.goes_on(tenure.partition, "the broker accepts its commits again")

    def _refused(self, tenure: Tenure) -> None:
        if tenure.refused is None and not tenure.ending:
            self._watch.held(tenure.partition, _REFUSED)
        tenure.refused = _REFUSED
        tenure.refused_until = asyncio.get_running_loop().time() + _REFUSED_AGAIN


def _to_commit(tenure: Tenure) -> bool:
    return not tenure.lost and tenure.held is None


def _is_due(tenure: Tenure, now: float) -> bool:
    """The last commit is always due: it says how the partition is left, even if nothing else has changed."""
    return tenure.ending or (tenure.changes != tenure.saved and now >= tenure.refused_until)


def _all_stored(tenure: Tenure) -> bool:
    """True also if a rebalance handed it over while the service was stopping: whoever comes second finds it stored."""
    if tenure.held is not None and not tenure.changes:
        return True  # it stood still from the start, so there is nothing to store
    if tenure.saved != tenure.changes or tenure.refused is not None:
        return False
    return tenure.handed_over or _to_commit(tenure)


def _snapshot(tenure: Tenure, *, drained: bool) -> Commit:
    """Offset and metadata from one snapshot, always complete."""
    snapshot = tenure.ledger.snapshot()
    # A lane that waits for what may still take effect has to wait at the next owner's too. That holds even if a
    # record was left partly applied, since the group may be left at once all the same.
    until = max(tenure.lane_held_until, tenure.all_held_until)
    held = tenure.ending and until > asyncio.get_running_loop().time()
    text = encode(
        snapshot.done, snapshot.claims, drained=drained, held=held, topic_id=tenure.topic_id
    )
    return Commit(snapshot.offset, text)
