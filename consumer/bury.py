"""Dead letters written: each until it is acknowledged, and only then is its record settled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from consumer.errors import Reason, Rejected, Unavailable
from consumer.model import Letter, Prepared, Record
from consumer.outcomes import Answer
from consumer.ports import DeadLetters, Watch
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload, owner
from consumer.waits import Waits

Spawn = Callable[[Coroutine[Any, Any, None], str], object]


class Bury:
    """A letter gets a task of its own: a topic that does not take it must not hold a request slot."""

    def __init__(
        self,
        dead_letters: DeadLetters,
        watch: Watch,
        workload: Workload,
        waits: Waits,
        *,
        spawn: Spawn,
        wake: Callable[[], None],
    ) -> None:
        self._dead_letters = dead_letters
        self._watch = watch
        self._workload = workload
        self._waits = waits
        self._spawn = spawn
        self._wake = wake
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
    ) -> None:
        """The letter of a record that was prepared; its lane goes on when the letter is acknowledged."""
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
        self._start(
            letter,
            owner(entry),
            lambda: self._workload.finish(entry),
            lambda: self._workload.abandon(entry),
        )

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

        self._start(letter, tenure, settle, lambda: self._workload.shed(size))

    def _start(
        self,
        letter: Letter,
        tenure: Tenure,
        settle: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        self._open[tenure] += 1
        name = f"letter {letter.record.topic}/{letter.record.partition}/{letter.record.offset}"
        self._spawn(self._bury(letter, tenure, settle, leave), name)

    async def _bury(
        self,
        letter: Letter,
        tenure: Tenure,
        settle: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        try:
            if await self._write(letter, tenure):
                # Settled only now: an offset committed before the acknowledgement may be lost.
                settle()
                self._watch.lettered(letter)
            else:
                leave()
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
