"""MANY records: wires the core together, runs it, and shuts it down in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Coroutine, Mapping
from typing import Any, Final, NamedTuple

from consumer.bury import Bury, Spawn
from consumer.commits import Commits
from consumer.errors import NotAssigned, SkipRefused
from consumer.gatekeeper import Gatekeeper
from consumer.intake import Intake
from consumer.model import Partition
from consumer.pacer import Pacer
from consumer.pipeline import Prepare
from consumer.ports import Actions, Clock, DeadLetters, Source, Watch
from consumer.putoff import PutOff
from consumer.recover import Recover
from consumer.send import Send
from consumer.sessions import Sessions
from consumer.state.budget import LetterBudget
from consumer.state.gate import HELD, Gate
from consumer.state.lanes import Group
from consumer.state.limits import Limits, Retry
from consumer.state.tenure import Tenure
from consumer.state.vitals import Work
from consumer.state.workload import Workload, owner
from consumer.submit import Submit
from consumer.waits import Waits

_POLL_ENDS_IN: Final = 1.0
"""Seconds that the last poll gets; one that hangs in a rebalance ends with the source."""


class _Parts(NamedTuple):
    """What one run is made of; made when it begins, since it needs the running loop."""

    intake: Intake
    submit: Submit
    send: Send
    recover: Recover
    bury: Bury
    commits: Commits
    sessions: Sessions


class Dispatch:
    """The core of one process: it owns every task that touches a record."""

    def __init__(
        self,
        source: Source,
        actions: Actions,
        dead_letters: DeadLetters,
        clock: Clock,
        watch: Watch,
        prepare: Prepare,
        *,
        limits: Limits,
        retry: Retry,
        budget: LetterBudget,
        rng: random.Random,
    ) -> None:
        self._source = source
        self._dead_letters = dead_letters
        self._clock = clock
        self._watch = watch
        self._prepare = prepare
        self._retry = retry
        self._waits = Waits(retry, rng)
        self._stop = asyncio.Event()
        self.workload = Workload(limits)
        self.gate = Gate()
        self.budget = budget
        self._pacer = Pacer(actions, most=limits.max_in_flight)
        self._gatekeeper = Gatekeeper(
            self.gate,
            budget,
            self.workload,
            watch,
            wake_at=self._wake_at,
            shut=lambda: self._pacer.shut,
            pay=self._pay,
        )
        self._parts: _Parts | None = None

    @property
    def concurrency_limit(self) -> int:
        """How many requests to Foundry may be in flight at one time, as far as has been found out."""
        return self._pacer.limit

    @property
    def in_flight(self) -> int:
        """Requests to Foundry that are in flight, or about to be."""
        return self._pacer.in_flight

    def stop(self) -> None:
        """Begin a graceful stop; `run` returns when it is done."""
        self._stop.set()

    def pause(self) -> None:
        """An operator says: send nothing new, read nothing more. What is in flight runs to its end."""
        self._gatekeeper.pause()

    def resume(self) -> None:
        """An operator has looked into it and says: go on, with a full letter budget; probe outages soon."""
        self._pacer.hurry()
        self._gatekeeper.resume()
        self._pay()

    def _pay(self) -> None:
        if self._parts is not None:
            self._parts.bury.pay()

    def _wake_at(self, when: float) -> None:
        if self._parts is not None:
            self._parts.submit.ring_at(when)

    def reached(self, ends: Mapping[Partition, int]) -> bool:
        """True when everything before these offsets is settled, in this process."""
        tenures = self.workload.tenures
        return all(
            partition in tenures and tenures[partition].ledger.watermark >= end
            for partition, end in ends.items()
        )

    def work(self) -> Work:
        """What there is to do now, for whoever judges whether anything is stuck."""
        tenures = [t for t in self.workload.tenures.values() if not (t.ending or t.held)]
        owed = (tenure.acknowledged for tenure in tenures if tenure.refused is None)
        if self._parts is None:
            return Work()
        submit, bury = self._parts.submit, self._parts.bury
        return Work(
            sessions=frozenset(tenure.session for tenure in tenures),
            settled=sum(tenure.changes for tenure in tenures),
            records=self.workload.records,
            requests=submit.on_their_way(),
            waits_for=self._waits_for(submit, bury),
            commit_owed_since=min(owed, default=None),
        )

    def _waits_for(self, submit: Submit, bury: Bury) -> str | None:
        """Why nothing needs to be started at this moment; None: there is no reason."""
        reasons = {
            "the stop": self._stop.is_set(),
            "the group": not self._certain(),
            "partitions to be handed over": any(t.ending for t in self.workload.all_tenures),
            "requests": bool(submit.hands),
            "letters": bury.writing,
            "an operator": any(reason in HELD for _, reason, _ in self.gate.reasons()),
            "its time": submit.wakes_by_itself,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    async def skip(self, partition: Partition, offset: int) -> str:
        """Pass over what is stuck at this offset and nothing else; returns a sentence that says what that is.

        Each offset passed over leaves a letter `skipped`, and is committed only when that is acknowledged. Where a
        record's letter is too large for its topic, its content is given up and its sha256 kept. What may have
        been applied and waits to be read back becomes a letter `unknown`.

        Raises:
            NotAssigned: this process does not have the partition.
            SkipRefused: nothing that may be skipped stands at this offset; the message says what does.
        """
        name = f"{partition.topic}/{partition.partition}"
        tenure = self.workload.tenures.get(partition)
        if tenure is None or tenure.ending:
            raise NotAssigned(f"{name} is not assigned here now")
        if tenure.held is not None:
            raise SkipRefused(f"{name} is held, and nothing of it can be skipped: {tenure.held}")
        if self._parts is not None:
            if self._parts.bury.give_up(partition, offset):
                return f"{name}: the letter for offset {offset} will be written without its content"
            if self._parts.recover.suspects.give_up(partition, offset):
                return (
                    f"{name}: reading back offset {offset} given up, a letter `unknown` records it"
                )
        waits = tenure.waits_for_letter or tenure.waits_for_read
        if waits is not None and partition not in self._source.stuck:
            raise SkipRefused(f"{name}: nothing can be skipped at offset {offset}: {waits}")
        return await self._source.skip(partition, offset)

    async def run(self) -> bool:
        """Consume until stopped. True if nothing was left undone: no request alive, everything committed.

        Raises:
            StartRefused: the source could not join.
        """
        idle = clean = False
        try:
            async with asyncio.TaskGroup() as tasks:
                letters: set[asyncio.Task[None]] = set()

                def spawn(coroutine: Coroutine[Any, Any, None], name: str) -> None:
                    letter = tasks.create_task(coroutine, name=name)
                    letters.add(letter)
                    letter.add_done_callback(letters.discard)

                parts = self._parts = self._wire(spawn)
                await self._source.join(parts.sessions)
                polling = tasks.create_task(parts.intake.run(), name="intake")
                loops = [
                    tasks.create_task(parts.commits.run(), name="commits"),
                    tasks.create_task(parts.sessions.renew(), name="sessions"),
                ]
                for number in range(self.workload.limits.max_in_flight):
                    slot = parts.submit.slot(parts.send, parts.recover)
                    loops.append(tasks.create_task(slot, name=f"slot {number}"))
                await self._stop.wait()
                # The stop order. First no more records, then no more requests: a drain that new
                # work still reaches never ends. The commit comes after the drain, or the drain's
                # work is repeated; the slots end after the commit, since they do the draining.
                # Only then is the group left: the next owner finds everything in the store.
                parts.intake.stop()
                idle, clean = await parts.sessions.hand_over()
                await asyncio.wait([polling], timeout=_POLL_ENDS_IN)
                for task in (polling, *loops, *letters):
                    task.cancel()
        finally:
            # With a request still alive the group is not left: the session timeout covers it.
            await self._source.close(leave=idle)
        return clean

    def _wire(self, spawn: Spawn) -> _Parts:
        work, watch = self.workload, self._watch
        commits = Commits(self._source, work, watch)
        submit = Submit(self._pacer, watch, work, self.gate, certain=self._certain)
        ring_at = submit.ring_at
        send = Send(self._pacer, work, self.gate, commits, certain=self._certain, ring_at=ring_at)
        bury = Bury(
            self._dead_letters,
            watch,
            work,
            self._waits,
            purse=self._gatekeeper,
            say=self._gatekeeper.letters,
            spawn=spawn,
            wake=submit.go_on,
        )
        recover = Recover(
            self._pacer,
            watch,
            work,
            self._gatekeeper,
            bury,
            PutOff(work, self._gatekeeper, self._waits, ring_at=ring_at),
            retry=self._retry,
            send=send.send,
        )
        intake = Intake(
            self._source,
            self._prepare,
            watch,
            work,
            bury,
            submit,
            paused=self._paused,
            kept_back=self._kept_back,
        )
        sessions = Sessions(self._source, watch, work, commits, submit, bury)
        return _Parts(intake, submit, send, recover, bury, commits, sessions)

    def _certain(self) -> bool:
        """The membership outlives a request that starts now."""
        timeout = self.workload.limits.request_timeout
        return self._clock.now() + timeout <= self._source.lease()

    def _paused(self) -> bool:
        """Nothing can be sent, so nothing more is read, unless there is nothing to probe with."""
        if self.gate.held_for_all:
            return True
        if not self.gate.closed_for_all:
            return False
        return self.workload.lanes.requests_where(self._tells_of_all) > 0

    def _kept_back(self) -> Collection[Tenure]:
        """Partitions with records that wait behind a gate closed for their action type alone."""
        if not self.gate.closed:
            return ()
        heads = self.workload.lanes.heads_where(lambda group: not self._tells_of_all(group))
        return set(map(owner, heads))

    def _tells_of_all(self, group: Group) -> bool:
        """A probe of this type can show that the outage of all is over; one of a type with trouble of its own may never."""
        return not self.gate.closed_by_itself(group.action.name)
