"""Counts and logs what happens: one line for each letter and each change of state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from consumer.errors import Reason
from consumer.model import Letter, Partition, Prepared, Record
from consumer.outcomes import Answer
from consumer.store import CommitResult
from consumer.telemetry.log import LONGEST_ID, escaped, say
from consumer.telemetry.sums import Sums

QUIET: Final = 30.0
"""Seconds for which one kind of retry is logged once, and after which the rest are summed up."""
MOST_KINDS: Final = 1000

_OUR_WORDS: Final[frozenset[Reason]] = frozenset(
    {
        "unreadable",
        "undecodable",
        "unknown_type",
        "invalid",
        "unauthorised",
        "unmappable",
        "skipped",
    }
)
"""Reasons whose detail is our own text, without any field value. Foundry's text may quote one."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Repeated:
    """How often one kind of line was held back, and since when."""

    since: float
    times: int = 0


@dataclass(frozen=True, slots=True)
class LastCommit:
    """The result of a partition's latest commit in this session, and when that was by the watch's clock."""

    result: CommitResult
    at: float


class Telemetry:
    """The service's `Watch`. Logs no payload, no key and no field value at any level.

    `now` is the clock by which records are taken in.
    """

    def __init__(self, sums: Sums, now: Callable[[], float]) -> None:
        self.sums = sums
        self._now = now
        self._repeated: dict[tuple[str, str, str], _Repeated] = {}
        self.commits: dict[Partition, LastCommit] = {}
        self.remedies: dict[tuple[str, str], str] = {}
        """What a person has to do, by scope and reason of the closed gates that need somebody."""
        self.assignment: frozenset[Partition] | None = None
        """The partitions of this member, perhaps none; None: the group has assigned nothing yet, or revoked it."""

    # Called once per request, whose entries all have the same action type. What is done per record is hot.

    def applied(self, entries: Sequence[Prepared], *, already: bool) -> None:
        """Called before the records advance: a record is done if this was its last action."""
        topic, taken_at, now = entries[0].record.topic, entries[0].taken_at, self._now()
        durations = self.sums.distribution("settle_duration_seconds", (topic,))
        done = alike = 0
        for entry in entries:
            if entry.applied + 1 != len(entry.calls):
                continue
            if entry.record.topic != topic:
                self._settled_elsewhere(entry, now)
            else:
                done += 1
                # Records of one poll have the same intake time, and mostly come together: one step for all.
                if entry.taken_at == taken_at:
                    alike += 1
                else:
                    durations.observe(now - taken_at, alike)
                    taken_at, alike = entry.taken_at, 1
            if entry.unknown_fields:
                self.sums.add("unknown_fields_total", (entry.event_type,), entry.unknown_fields)
        durations.observe(now - taken_at, alike)
        self.sums.add("records_total", (topic, "applied"), done)
        if already:
            self.sums.add("repeats_avoided_total", (entries[0].call.action.name,), len(entries))

    def _settled_elsewhere(self, entry: Prepared, now: float) -> None:
        """A record of another topic than the first one's."""
        topic = entry.record.topic
        self.sums.add("records_total", (topic, "applied"))
        series = self.sums.distribution("settle_duration_seconds", (topic,))
        series.observe(now - entry.taken_at)

    def ignored(self, record: Record, why: str) -> None:
        del why  # written by an owner's function, which may put a field's value into it
        self.sums.add("records_total", (record.topic, "ignored"))

    def lettered(self, letter: Letter) -> None:
        topic = letter.record.topic
        self.sums.add("records_total", (topic, "dead_lettered"))
        self.sums.add("dead_letters_total", (topic, letter.reason))
        say(
            _log,
            logging.ERROR if letter.reason == "internal" else logging.WARNING,
            "dead letter",
            reason=letter.reason,
            stage=letter.stage,
            **_coordinates(letter.record),
            event_id=_id(letter.event_id),
            event_type=_id(letter.event_type),
            action=letter.action,
            attempts=letter.attempts or None,
            applied=letter.applied or None,
            detail=letter.detail if letter.reason in _OUR_WORDS else None,
            **_answer(letter.answer),
        )

    def retried(self, action: str, answer: Answer, delay: float) -> None:
        self.sums.add("retries_total", (action, answer.cause))
        self._say_seldom("retry", action, answer, delay=round(delay, 3))

    def unknown(self, entries: Sequence[Prepared], answer: Answer) -> None:
        first = entries[0]
        action = first.call.action.name
        self.sums.add("unknown_outcomes_total", (action,), len(entries))
        self._say_seldom(
            "unknown outcome",
            action,
            answer,
            repeat=first.repeat.value,
            records=len(entries),
            **_coordinates(first.record),
            event_id=_id(first.event_id),
        )

    # Changes of state: one line each.

    def gate_closed(self, scope: str, reason: str, answer: Answer, remedy: str | None) -> None:
        if remedy is not None:
            self.remedies[scope, reason] = remedy
        # If waiting alone does not help, somebody should be called.
        level = logging.WARNING if remedy is None else logging.ERROR
        say(
            _log, level, "gate closed", scope=scope, reason=reason, **_answer(answer), remedy=remedy
        )

    def gate_opened(self, scope: str, reason: str) -> None:
        self.remedies.pop((scope, reason), None)
        say(_log, logging.INFO, "gate opened", scope=scope, reason=reason)

    def committed(self, results: Mapping[Partition, CommitResult]) -> None:
        now = self._now()
        for result in set(results.values()):
            self.sums.add("commits_total", (result.value,))
        changed: dict[CommitResult, list[Partition]] = {}
        for partition, result in results.items():
            before = self.commits.get(partition)
            self.commits[partition] = LastCommit(result, now)
            if result is not (before.result if before is not None else CommitResult.STORED):
                changed.setdefault(result, []).append(partition)
        for result, partitions in changed.items():
            _say_commit(result, partitions)

    def assigned(self, partitions: Collection[Partition]) -> None:
        self.sums.add("rebalances_total")
        self.assignment = frozenset(partitions)
        self.commits.clear()
        say(_log, logging.INFO, "assigned", count=len(partitions), partitions=_named(partitions))

    def revoked(self, partitions: Collection[Partition], *, drained: bool) -> None:
        self.assignment = None
        level = logging.INFO if drained else logging.WARNING
        named = _named(partitions)
        say(_log, level, "revoked", count=len(partitions), drained=drained, partitions=named)

    def held(self, partition: Partition, why: str) -> None:
        say(_log, logging.ERROR, "partition held", **_partition(partition), why=why)

    def goes_on(self, partition: Partition, why: str) -> None:
        say(_log, logging.INFO, "partition goes on", **_partition(partition), why=why)

    def noted(self, partition: Partition, what: str) -> None:
        say(_log, logging.WARNING, "noted", **_partition(partition), what=what)

    def flush(self) -> None:
        """Log the sums of what was held back. Called now and then, and at the end."""
        now = self._now()
        for (event, action, cause), repeated in list(self._repeated.items()):
            if repeated.times:
                self._sum_up(event, action, cause, repeated, now)
            elif now - repeated.since >= QUIET:
                del self._repeated[event, action, cause]

    def _say_seldom(self, event: str, action: str, answer: Answer, **fields: object) -> None:
        """Log the first of its kind at once, and those of the next half minute as one sum."""
        key = (event, action, answer.cause)
        now = self._now()
        repeated = self._repeated.get(key)
        if repeated is not None:
            repeated.times += 1
            if now - repeated.since >= QUIET:
                self._sum_up(*key, repeated, now)
            return
        if len(self._repeated) >= MOST_KINDS:
            self.flush()
            self._repeated.clear()
        self._repeated[key] = _Repeated(now)
        say(_log, logging.WARNING, event, action=action, **_answer(answer), **fields)

    def _sum_up(self, event: str, action: str, cause: str, repeated: _Repeated, now: float) -> None:
        say(
            _log,
            logging.WARNING,
            event,
            action=action,
            cause=cause,
            times=repeated.times,
            seconds=round(now - repeated.since),
        )
        repeated.since, repeated.times = now, 0


def _say_commit(result: CommitResult, partitions: Collection[Partition]) -> None:
    stored = result is CommitResult.STORED
    level = logging.INFO if stored else logging.WARNING
    event = "commit works again" if stored else "commit not stored"
    named = _named(partitions)
    say(_log, level, event, result=result.value, count=len(partitions), partitions=named)


def _id(text: str | None) -> str | None:
    return None if text is None else escaped(text, LONGEST_ID)


def _coordinates(record: Record) -> dict[str, object]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}


def _partition(partition: Partition) -> dict[str, object]:
    return {"topic": partition.topic, "partition": partition.partition}


def _named(partitions: Collection[Partition]) -> str:
    return " ".join(f"{topic}/{number}" for topic, number in sorted(partitions))


def _answer(answer: Answer | None) -> dict[str, object]:
    """All of the answer but its detail, which is Foundry's own text and may quote a parameter."""
    if answer is None:
        return {}
    return {
        "cause": answer.cause,
        "status": answer.status,
        "error_code": answer.error_code,
        "error_name": answer.error_name,
        "error_instance_id": answer.error_instance_id,
    }
