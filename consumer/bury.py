"""Writes dead letters: each is tried until it is acknowledged, and only then is its record settled.

A letter that the budget cannot pay for waits, neither written nor given up; so does its partition.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Protocol

from consumer.errors import LetterTooLarge, Reason, Rejected, Unavailable
from consumer.model import Letter, Partition, PlainRecord, Prepared, Record
from consumer.outcomes import Answer
from consumer.ports import DeadLetters, Watch
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload, owner
from consumer.waits import Waits

Place = tuple[str, int, int]
"""Topic, partition and offset of a record."""
Spawn = Callable[[Coroutine[Any, Any, None], str], object]


@dataclass(frozen=True, slots=True, eq=False)
class _Burial:
    """A letter, and what it settles."""

    letter: Letter
    tenure: Tenure
    settle: Callable[[], None]
    """Called when it is acknowledged."""
    leave: Callable[[], None]
    """Called when it is left to the partition's next owner."""
    put_off: Callable[[], None] = lambda: None
    """Called when it has to wait for the budget."""
    behind: Callable[[], int] = lambda: 0
    """How many records wait for it in their lane."""


def without_content(letter: Letter) -> Letter:
    """The letter after an operator gave up key, value and headers: coordinates, sizes, and the value's sha256."""
    record = letter.record
    key = "no key" if record.key is None else f"a key of {len(record.key)} bytes"
    value = "no value"
    if record.value is not None:
        value = (
            f"a value of {len(record.value)} bytes with sha256 {sha256(record.value).hexdigest()}"
        )
    detail = f"skipped by an operator, as its letter `{letter.reason}` was too large for the topic: {key}, {value}"
    place = (record.topic, record.partition, record.offset, record.timestamp, record.timestamp_type)
    return replace(letter, record=PlainRecord(*place), reason="skipped", detail=detail)


class Purse(Protocol):
    """Pays for letters."""

    def afford(self, letter: Letter) -> bool:
        """Pay for one letter; False: it must wait."""

    @property
    def funded(self) -> bool:
        """At least one letter can be paid for now."""

    def owe(self, first: Letter | None, waiting: int, pay_nothing: Callable[[], int]) -> None:
        """`waiting` letters wait, `first` before the others; `pay_nothing` counts the records that will pay for none of them."""


class Bury:
    """Each letter gets a task of its own: a topic that does not take it must not occupy a request slot."""

    def __init__(
        self,
        dead_letters: DeadLetters,
        watch: Watch,
        workload: Workload,
        waits: Waits,
        *,
        purse: Purse,
        say: Callable[[str, str | None], None],
        spawn: Spawn,
        wake: Callable[[], None],
    ) -> None:
        self._dead_letters = dead_letters
        self._watch = watch
        self._workload = workload
        self._waits = waits
        self._purse = purse
        self._say = say
        self._failing: Counter[str] = Counter()
        self._spawn = spawn
        self._wake = wake
        # Bounded by the records that may be taken in: nothing more is read while the gate is closed.
        self._unpaid: deque[_Burial] = deque()
        self._open: set[_Burial] = set()
        self._too_large: set[Place] = set()
        self._given_up: set[Place] = set()
        self._closed = asyncio.Event()
        self._ending = asyncio.Event()

    def entry(
        self,
        entry: Prepared,
        reason: Reason,
        detail: str,
        *,
        answer: Answer | None = None,
        free: bool = False,
    ) -> None:
        """Write the letter of a prepared record; its lane goes on when the letter is acknowledged.

        `free`: it does not mean that anything is wrong with the events, so it is not charged to the budget.
        """
        letter = Letter(
            record=entry.record,
            reason=reason,
            detail=detail,
            stage="submit",
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
            # Certainly not executed, unless it is a suspect: a kill while it waits must not make it unknown.
            lambda: self._workload.release(entry),
            lambda: self._workload.lanes.behind(entry),
        )
        self._start(burial, free=free)

    def record(self, record: Record, rejected: Rejected, tenure: Tenure, size: int) -> None:
        """Write the letter of a record that was never prepared, so holds no lane."""
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
        # An `unknown` without a prepared record was left by a former owner: no more than it had in flight.
        self._start(burial, free=letter.reason in ("unknown", "skipped"))

    def give_up(self, partition: Partition, offset: int) -> bool:
        """Write this record's letter without its content, at its next try. False: it is not being refused for its size."""
        place = (*partition, offset)
        if place not in self._too_large:
            return False
        self._given_up.add(place)
        return True

    def pay(self) -> None:
        """There is budget again: write the letters that wait for it, oldest first, as far as it goes."""
        while self._unpaid and self._purse.funded and self._purse.afford(self._unpaid[0].letter):
            self._begin(self._unpaid.popleft())
        self._owe()

    def wind_up(self, tenures: Collection[Tenure]) -> None:
        """These tenures are ending, or lost: no letter of theirs waits on.

        Those that wait for the budget are left to the next owner, not done. Those that were not taken are tried
        once more, at once, and then left; of a tenure that is lost they are only left.
        """
        waiting, self._unpaid = self._unpaid, deque()
        for burial in waiting:
            if burial.tenure in tenures:
                burial.leave()
            else:
                self._unpaid.append(burial)
        self._owe()
        self._ending.set()  # wakes whoever waits now...
        self._ending.clear()  # ...and nobody who waits from now on

    def _owe(self) -> None:
        waiting = len(self._unpaid)
        self._purse.owe(self._unpaid[0].letter if waiting else None, waiting, self._pay_nothing)

    def _pay_nothing(self) -> int:
        # A record behind one of these waits for it, so it must not be counted on: a topic may refuse a letter for long.
        waiting = (*self._unpaid, *self._open)
        behind = sum(burial.behind() for burial in waiting)
        return len(waiting) + behind

    def _start(self, burial: _Burial, *, free: bool) -> None:
        if burial.tenure.lost:
            burial.leave()  # not paid for: its next owner writes it, if that one cannot apply the record either
        elif free or (not self._unpaid and self._purse.afford(burial.letter)):
            self._begin(burial)
        elif burial.tenure.ending:
            burial.leave()
        else:
            self._unpaid.append(burial)
            burial.put_off()
            self._owe()

    def _begin(self, burial: _Burial) -> None:
        self._open.add(burial)
        record = burial.letter.record
        name = f"letter {record.topic}/{record.partition}/{record.offset}"
        self._spawn(self._bury(burial), name)

    async def _bury(self, burial: _Burial) -> None:
        letter, tenure = burial.letter, burial.tenure
        try:
            written = await self._write(letter, tenure)
            if written is not None:
                # Settled only now: if the offset were committed before the acknowledgement, the record could be lost.
                burial.settle()
                self._watch.lettered(written)
            else:
                burial.leave()
            self._wake()  # its lane can go on, and every slot may be asleep
        finally:
            self._open.discard(burial)
            self._closed.set()

    async def _write(self, letter: Letter, tenure: Tenure) -> Letter | None:
        """The letter that was acknowledged; None: it was left to the partition's next owner."""
        failures = 0
        record = letter.record
        place = (record.topic, record.partition, record.offset)
        try:
            while not tenure.lost:  # its next owner may apply the record
                now = without_content(letter) if place in self._given_up else letter
                try:
                    await self._dead_letters.write(now)
                except Unavailable as fault:
                    if isinstance(fault, LetterTooLarge):
                        self._too_large.add(place)
                    if failures == 0:
                        self._refused(tenure, record.offset, fault.cause)
                    tenure.letters_failing[record.offset] = fault.cause
                    failures += 1
                else:
                    return now
                if tenure.ending:
                    return None
                await self._wait(self._waits.delay(failures), tenure)
            return None
        finally:
            if failures:
                self._accepted(tenure, record.offset)
            self._too_large.discard(place)
            self._given_up.discard(place)

    def _refused(self, tenure: Tenure, at: int, cause: str) -> None:
        """One more letter is not taken: its partition stands still, and no other one."""
        if not tenure.letters_failing:
            self._watch.held(tenure.partition, f"letter for offset {at} cannot be written: {cause}")
        topic = tenure.partition.topic
        self._failing[topic] += 1
        self._say(topic, cause)

    def _accepted(self, tenure: Tenure, at: int) -> None:
        """It was taken after all, or is left to the next owner."""
        del tenure.letters_failing[at]
        if not (tenure.letters_failing or tenure.ending):
            self._watch.goes_on(tenure.partition, "letters can be written again")
        topic = tenure.partition.topic
        self._failing[topic] -= 1
        if not self._failing[topic]:
            self._say(topic, None)

    async def _wait(self, delay: float, tenure: Tenure) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                while not tenure.ending:
                    await self._ending.wait()

    @property
    def writing(self) -> bool:
        """True: some letter is being written."""
        return bool(self._open)

    async def drained(self, tenures: Collection[Tenure]) -> None:
        """Return when no letter of these tenures is being written."""
        while any(burial.tenure in tenures for burial in self._open):
            self._closed.clear()
            await self._closed.wait()
