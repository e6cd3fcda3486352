"""Dead letters written: each until it is acknowledged, and only then is its record settled.

A letter that the budget does not pay for waits, neither written nor given up: so does its partition.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from consumer.errors import Reason, Rejected, Unavailable
from consumer.model import Letter, Prepared, Record
from consumer.outcomes import Answer
from consumer.ports import DeadLetters, Watch
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload, owner
from consumer.waits import Waits

Spawn = Callable[[Coroutine[Any, Any, None], str], object]


@dataclass(frozen=True, slots=True, eq=False)
class _Burial:
    """A letter, and what it settles."""

    letter: Letter
    tenure: Tenure
    settle: Callable[[], None]
    """It is acknowledged."""
    leave: Callable[[], None]
    """It is left to the partition's next owner."""


class Bury:
    """A letter gets a task of its own: a topic that does not take it must not hold a request slot."""

    def __init__(
        self,
        dead_letters: DeadLetters,
        watch: Watch,
        workload: Workload,
        waits: Waits,
        *,
        afford: Callable[[Letter], bool],
        spawn: Spawn,
        wake: Callable[[], None],
    ) -> None:
        self._dead_letters = dead_letters
        self._watch = watch
        self._workload = workload
        self._waits = waits
        self._afford = afford
        self._spawn = spawn
        self._wake = wake
        # Bounded by the records that may be taken in: nothing more is asked for while the gate is closed.
        self._unpaid: deque[_Burial] = deque()
        self._open: Counter[Tenure] = Counter()
        self._closed = asyncio.Event()
        self._hurry = asyncio.Event()

    def entry(
        self,
        entry: Prepared,
        reason: Reason,
        detail: str,
        *,
        stage: str = "submit",
        answer: Answer | None = None,
        free: bool = False,
    ) -> None:
        """The letter of a record that was prepared; its lane goes on when the letter is acknowledged.

        `free`: it is no sign that anything is wrong with what is consumed, so the budget does not pay for it.
        """
        letter = Letter(
            record=entry.record,
            reason=reason,
            detail=detail,
            stage=stage,
            event_id=entry.event_id,
            event_type=entry.event_type,
            action=entry.call.action.name,
            attempts=entry.attempts,
            answer=answer,
            applied=entry.applied,
        )
        burial = _Burial(
            letter,
            owner(entry),
            lambda: self._workload.finish(entry),
            lambda: self._workload.abandon(entry),
        )
        self._start(burial, free=free)

    def record(self, record: Record, rejected: Rejected, tenure: Tenure, size: int) -> None:
        """The letter of a record that never became one to be sent; it holds no lane."""
        letter = Letter(
            record=record,
            reason=rejected.reason,
            detail=rejected.detail,
            stage=rejected.stage,
            event_id=rejected.event_id,
            event_type=rejected.event_type,
        )

        def settle() -> None:
            tenure.settled(record.offset)
            self._workload.shed(size)

        burial = _Burial(letter, tenure, settle, lambda: self._workload.shed(size))
        # Such an `unknown` is a former owner's: as many as it had on their way, and not more.
        self._start(burial, free=letter.reason in ("unknown", "skipped"))

    def pay(self) -> None:
        """There is a budget again: write what waits for it, as far as it goes, the oldest first."""
        while self._unpaid and self._afford(self._unpaid[0].letter):
            self._begin(self._unpaid.popleft())

    def leave_unpaid(self, tenures: Collection[Tenure]) -> None:
        """These are ending: what waits for the budget is left to the next owner, not done."""
        waiting, self._unpaid = self._unpaid, deque()
        for burial in waiting:
            if burial.tenure in tenures:
                burial.leave()
            else:
                self._unpaid.append(burial)

    def _start(self, burial: _Burial, *, free: bool) -> None:
        if free or (not self._unpaid and self._afford(burial.letter)):
            self._begin(burial)
        elif burial.tenure.ending:
            burial.leave()
        else:
            self._unpaid.append(burial)

    def _begin(self, burial: _Burial) -> None:
        self._open[burial.tenure] += 1
        record = burial.letter.record
        name = f"letter {record.topic}/{record.partition}/{record.offset}"
        self._spawn(self._bury(burial), name)

    async def _bury(self, burial: _Burial) -> None:
        letter, tenure = burial.letter, burial.tenure
        try:
            if await self._write(letter, tenure):
                # Settled only now: an offset committed before the acknowledgement may be lost.
                burial.settle()
                self._watch.lettered(letter)
            else:
                burial.leave()
            self._wake()  # its lane goes on, and every slot may be asleep
        finally:
            self._open[tenure] -= 1
            self._closed.set()

    async def _write(self, letter: Letter, tenure: Tenure) -> bool:
        """True when it is acknowledged; False when it was left to the partition's next owner."""
        failures = 0
        try:
            while True:
                try:
                    await self._dead_letters.write(letter)
                except Unavailable as fault:
                    if failures == 0:
                        tenure.letters_failing += 1
                        self._watch.held(tenure.partition, f"a letter is not taken: {fault.cause}")
                    failures += 1
                else:
                    if failures:
                        self._watch.noted(tenure.partition, "letters are taken again")
                    return True
                if tenure.ending:
                    return False
                await self._wait(self._waits.delay(failures))
        finally:
            tenure.letters_failing -= bool(failures)

    async def _wait(self, delay: float) -> None:
        try:
            async with asyncio.timeout(delay):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def drained(self, tenures: Collection[Tenure]) -> None:
        """Return when no letter of these tenures is being written; each is tried once more at least."""
        self._hurry.set()
        try:
            while any(self._open[tenure] for tenure in tenures):
                self._closed.clear()
                await self._closed.wait()
        finally:
            self._hurry.clear()
            self._open = +self._open
