"""The verdict on a run, from witnesses that the service cannot sway: receipts, effects, letters, the group's store."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.e2e.jobs import APPLIED, IGNORED, ONCE, UNKNOWN_IS_A_LETTER, Published

Place = tuple[int, int]
"""Partition and offset."""
LATE = 4.0
"""Seconds after a kill within which its requests take effect, and its heir does nothing yet."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One action that took effect. `time` is seconds since the epoch, here and below."""

    sequence: int
    time: float
    record: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter; `time` is when the broker appended it."""

    time: float
    place: Place
    reason: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the group's store said of one partition, at a time when it had been said."""

    time: float
    partition: int
    offset: int
    done: int = 0
    """Bit i stands for `offset` + i."""
    claims: int = 0

    def is_done(self, offset: int) -> bool:
        ahead = offset - self.offset
        return ahead < 0 or bool(self.done >> ahead & 1)


@dataclass(frozen=True, slots=True)
class Kill:
    """A process was ended, or stood still for too long: what was in the store when the next one read it."""

    time: float
    stored: Mapping[int, Stored]
    in_flight: int = 0
    """Requests that Foundry had not answered."""

    def excuses(self, published: Published, first: Effect, *, no_older_than: float) -> bool:
        """What was not done in the store may be done again, if it was done just before."""
        stored = self.stored.get(published.partition)
        done = stored is not None and stored.is_done(published.offset)
        return not done and first.time >= self.time - no_older_than


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the verdict is made of."""

    published: Sequence[Published]
    effects: Sequence[Effect]
    letters: Sequence[Letter]
    stored: Sequence[Stored] = ()
    """Looks at the store, oldest first."""
    kills: Sequence[Kill] = ()
    resend_window: float = 5.0
    """Seconds before a kill of which the settled may be uncommitted: ten commit intervals."""


@dataclass(frozen=True, slots=True)
class Toll:
    """What one kill made happen again, and what it may have."""

    in_flight: int
    """Requests."""
    uncommitted: int
    """Records that had taken effect, and were not done in the store."""
    resent: int
    """Records."""


@dataclass(slots=True)
class Verdict:
    """Each list names what broke a promise; the counts are facts. Not frozen: it is filled step by step."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    """Harmful actions that took effect more than once."""
    unexcused: list[str] = field(default_factory=list)
    """Effects that came again although no kill excuses it."""
    overtaken: list[str] = field(default_factory=list)
    """First effects of a lane that are not in its order."""
    early: list[str] = field(default_factory=list)
    """Committed, and not settled by then."""
    astray: list[str] = field(default_factory=list)
    """Effects and letters of what was not published or is to be something else."""
    altered: list[str] = field(default_factory=list)
    """Letters whose key, value or headers are not the record's."""
    repeated_letters: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    resent: Counter[str] = field(default_factory=Counter)
    """By record: how often its effect came again."""
    tolls: list[Toll] = field(default_factory=list)
    """Of each kill."""
    applied: int = 0
    lettered: int = 0
    ignored: int = 0

    @property
    def broken(self) -> dict[str, list[str]]:
        """What broke a promise in any run; a letter may stand twice after a kill."""
        promises = ("lost", "twice", "unexcused", "overtaken", "early", "astray", "altered")
        return {name: found[:5] for name in promises if (found := getattr(self, name))}


def judge(evidence: Evidence) -> Verdict:
    """Compare what was published with what came of it."""
    verdict = Verdict()
    effects: dict[str, list[Effect]] = defaultdict(list)
    for effect in evidence.effects:
        effects[effect.record].append(effect)
    letters: dict[Place, list[Letter]] = defaultdict(list)
    for letter in evidence.letters:
        letters[letter.place].append(letter)
    for each in evidence.published:
        place = (each.partition, each.offset)
        _judge_one(verdict, each, effects.pop(each.job.record, []), letters.pop(place, []))
    verdict.astray += [f"an effect of {record}, which was not published" for record in effects]
    verdict.astray += [f"a letter of {place}, where nothing was published" for place in letters]
    verdict.overtaken = _overtaken(evidence)
    verdict.early = _early(evidence)
    verdict.unexcused = _unexcused(evidence, verdict.resent)
    verdict.tolls = _tolls(evidence)
    return verdict


def _judge_one(
    verdict: Verdict, published: Published, effects: Sequence[Effect], letters: Sequence[Letter]
) -> None:
    job = published.job
    name = f"{job.kind} {job.record} at {published.partition}/{published.offset}"
    verdict.applied += bool(effects)
    verdict.lettered += bool(letters)
    verdict.ignored += job.expect == IGNORED and not effects and not letters
    if not effects and not letters and job.expect != IGNORED:
        verdict.lost.append(name)
    if len(effects) > 1:
        verdict.resent[job.record] = len(effects) - 1
        if job.kind in ONCE:
            verdict.twice.append(f"{name}: {len(effects)} times")
    if effects and job.expect != APPLIED:
        verdict.astray.append(f"{name}: applied, and was to be {job.expect}")
    if len(letters) > 1:
        verdict.repeated_letters.append(name)
    for letter in letters:
        _judge_letter(verdict, name, published, letter, applied=bool(effects))


def _judge_letter(
    verdict: Verdict, name: str, published: Published, letter: Letter, *, applied: bool
) -> None:
    job = published.job
    verdict.reasons[letter.reason] += 1
    unknown = letter.reason == "unknown" and job.kind in UNKNOWN_IS_A_LETTER
    if letter.reason != job.expect and not unknown:
        verdict.astray.append(f"{name}: a letter {letter.reason}, and was to be {job.expect}")
    if applied and not unknown:
        verdict.astray.append(f"{name}: applied, and a letter {letter.reason}")
    value = b"" if job.key is None and job.value is None else job.value
    if (letter.key, letter.value) != (job.key, value):
        verdict.altered.append(name)
    if letter.headers[: len(job.headers)] != job.headers:
        verdict.altered.append(f"{name}: headers")


def _overtaken(evidence: Evidence) -> list[str]:
    """Order is told by first effects: what a kill made happen again says nothing of it."""
    by_record = {each.job.record: each for each in evidence.published}
    lanes: dict[str, list[Published]] = defaultdict(list)
    seen: set[str] = set()
    for effect in sorted(evidence.effects, key=lambda effect: effect.sequence):
        if effect.record in by_record and effect.record not in seen:
            seen.add(effect.record)
            published = by_record[effect.record]
            lanes[published.job.lane].append(published)
    return [
        f"{after.job.record} came after {before.job.record}"
        for lane in lanes.values()
        for before, after in itertools.pairwise(lane)
        if after.offset < before.offset
    ]


def _early(evidence: Evidence) -> list[str]:
    """Each offset that the store calls done has been settled by the time that it was read."""
    settled = _settled_at(evidence)
    open_: dict[int, dict[int, Published]] = defaultdict(dict)
    for each in evidence.published:
        open_[each.partition][each.offset] = each
    found = []
    for stored in evidence.stored:
        waiting = open_[stored.partition]
        for offset in [offset for offset in waiting if stored.is_done(offset)]:
            published = waiting.pop(offset)
            if settled.get(published.job.record, float("inf")) > stored.time:
                found.append(f"{published.job.record} at {stored.partition}/{offset}")
    return found


def _settled_at(evidence: Evidence) -> dict[str, float]:
    at = {each.job.record: 0.0 for each in evidence.published if each.job.expect == IGNORED}
    records = {(each.partition, each.offset): each.job.record for each in evidence.published}
    settled = [(effect.record, effect.time) for effect in evidence.effects]
    settled += [(records.get(each.place, ""), each.time) for each in evidence.letters]
    for record, time in settled:
        at[record] = min(time, at.get(record, time))
    return at


def _unexcused(evidence: Evidence, resent: Iterable[str]) -> list[str]:
    """Each further effect needs a kill before it, and after the one before, that excuses it."""
    by_record = {each.job.record: each for each in evidence.published}
    wanted = set(resent)
    return [
        f"{before.record}: {before.time:.3f}, again {after.time:.3f}"
        for before, after in _repeats(evidence)
        if before.record in wanted
        and not any(
            kill.time <= after.time
            and kill.excuses(by_record[before.record], before, no_older_than=evidence.resend_window)
            for kill in evidence.kills
        )
    ]


def _repeats(evidence: Evidence) -> list[tuple[Effect, Effect]]:
    """Each effect that came again, after the one before it of the same record."""
    latest: dict[str, Effect] = {}
    repeats = []
    for effect in sorted(evidence.effects, key=lambda effect: effect.sequence):
        if effect.record in latest:
            repeats.append((latest[effect.record], effect))
        latest[effect.record] = effect
    return repeats


def _tolls(evidence: Evidence) -> list[Toll]:
    """A repeat is put down to the first kill that followed, or ended, the request that it repeats."""
    places = {each.job.record: each for each in evidence.published}
    resent: Counter[int] = Counter()
    for before, after in _repeats(evidence):
        causes = (
            number
            for number, kill in enumerate(evidence.kills)
            if before.time - LATE <= kill.time <= after.time
        )
        resent[next(causes, -1)] += 1
    return [
        Toll(kill.in_flight, len(_uncommitted(evidence, kill, places)), resent[number])
        for number, kill in enumerate(evidence.kills)
    ]


def _uncommitted(evidence: Evidence, kill: Kill, places: Mapping[str, Published]) -> set[str]:
    return {
        effect.record
        for effect in evidence.effects
        if effect.time <= kill.time
        and effect.record in places
        and kill.excuses(places[effect.record], effect, no_older_than=evidence.resend_window)
    }
