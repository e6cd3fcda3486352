"""The verdict: each oracle is a function of the evidence, and names what broke its promise."""

from __future__ import annotations

import itertools
import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from deploy.local.chaos.case import Case
from deploy.local.chaos.evidence import ONCE, Evidence
from deploy.local.chaos.excuses import excuse_of_repeat, is_deserved
from deploy.local.demo.order import Occurrence, misplaced

Oracle = Callable[[Case], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`faults`: by oracle, what broke its promise; the counts are facts."""

    published: int
    applied: int
    ignored: int
    letters: Counter[str]
    repeated: Counter[str]
    """Effects that came again, by `repeat`."""
    resent: Sequence[tuple[int, int]]
    """For each disturbance: records that were sent again by it, and how many may have been."""
    faults: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def kept(self) -> bool:
        return not any(self.faults.values())


def judge(evidence: Evidence, told: Sequence[str] = ()) -> Verdict:
    """`told`: what the scenario's own script saw go wrong."""
    case = Case(evidence)
    faults = {name: list(oracle(case)) for name, oracle in ORACLES.items()}
    faults["script"] = list(told)
    return Verdict(
        published=len(evidence.published),
        applied=sum(case.is_applied(each) for each in evidence.published),
        ignored=sum(each.expect == "ignored" for each in evidence.published),
        letters=Counter(letter.reason for letter in evidence.letters),
        repeated=_repeated(case),
        resent=_resent(case),
        faults=faults,
    )


def _lost(case: Case) -> Iterator[str]:
    """Behind the watermark, and without an effect or a letter that it was to have."""
    for each in case.evidence.published:
        if each.expect == "ignored" or not case.is_committed(each):
            continue
        if not case.is_applied(each) and not case.letters[each.number]:
            yield f"{each.place}: no letter and no effect, {each.expect} was due"


def _unsettled(case: Case) -> Iterator[str]:
    for each in case.evidence.published:
        if not case.is_committed(each):
            yield f"{each.place}"


def _twice(case: Case) -> Iterator[str]:
    for (number, step), effects in case.effects.items():
        each = case.evidence.published[number]
        if len(effects) > 1 and each.repeat in ONCE:
            yield f"{each.repeat} {each.place}, action {step}: {len(effects)} times"


def _resends(case: Case) -> Iterator[str]:
    """Each further effect has a cause: a fault that met the request before, or a disturbance."""
    for before, after in case.repeats():
        each = case.evidence.published[before.number]
        if each.repeat not in ONCE and excuse_of_repeat(case, before, after) is None:
            yield f"{each.repeat} {each.place}: {before.time:.3f}, again {after.time:.3f}"
    for number, (resent, allowed) in enumerate(_resent(case)):
        if resent > allowed:
            yield f"disturbance {number}: {resent} records again, at most {allowed} were on their way or settled just before"


def _order(case: Case) -> Iterator[str]:
    lanes: dict[str, list[Occurrence]] = defaultdict(list)
    for effects in case.effects.values():
        for effect in effects:
            each = case.evidence.published[effect.number]
            if each.lane is not None:
                safe = each.repeat not in ONCE
                lanes[each.lane].append(Occurrence(effect.sequence, each.place, effect.step, safe))
    yield from misplaced(lanes, replays=len(case.evidence.disturbances))


def _letters(case: Case) -> Iterator[str]:
    """Exactly those that deserved one, for the reason that they deserved."""
    for each in case.evidence.published:
        for letter in case.letters[each.number]:
            if not is_deserved(case, each, letter):
                yield f"{each.place}: a letter {letter.reason}, {each.expect} was due"


def _early(case: Case) -> Iterator[str]:
    """Nothing that the store calls done was unfinished when it was looked at."""
    waiting = case.by_partition()
    for look in case.evidence.looks:
        there = waiting.get(look.partition, {})
        # In their order: what lies beyond the look is not gone through again at each of thousands.
        near = itertools.takewhile(partial(operator.gt, look.end), there)
        for offset in [offset for offset in near if look.is_done(offset)]:
            each = there.pop(offset)
            if case.settled_at(each) > look.time:
                yield f"{each.place} was committed by {look.time:.3f}, unfinished"


def _dispositions(case: Case) -> Iterator[str]:
    """Applied or a letter, never both, save where nobody can know; and one letter, save after a disturbance."""
    for each in case.evidence.published:
        letters = case.letters[each.number]
        sure = [letter.reason for letter in letters if letter.reason != "unknown"]
        if sure and case.is_known_applied(each):
            yield f"{each.place}: applied, and a letter {sure[0]}"
        for before, after in itertools.pairwise(letters):
            if not case.disturbed_between(before.time, after.time):
                yield f"{each.place}: {len(letters)} letters"


def _phantoms(case: Case) -> Iterator[str]:
    """Nothing came of what was not published, and no letter is about something else than its record."""
    yield from case.evidence.strangers
    yield from (f"a letter about {each}, where nothing was published" for each in case.astray)
    for each in case.evidence.published:
        if any(letter.content != each.content for letter in case.letters[each.number]):
            yield f"{each.place}: the letter has another key or value"
        if each.expect == "ignored" and case.letters[each.number]:
            yield f"{each.place}: a letter about what is ignored"


ORACLES: Mapping[str, Oracle] = {
    "lost": _lost,
    "not settled": _unsettled,
    "applied twice": _twice,
    "resent without cause": _resends,
    "out of order": _order,
    "undeserved letters": _letters,
    "early commit": _early,
    "disposed of twice": _dispositions,
    "phantom": _phantoms,
}


def _repeated(case: Case) -> Counter[str]:
    return Counter(case.evidence.published[before.number].repeat for before, _ in case.repeats())


def _resent(case: Case) -> list[tuple[int, int]]:
    """A repeat is put down to the first disturbance that excuses it."""
    resent: dict[int, set[int]] = defaultdict(set)
    for before, after in case.repeats():
        cause = excuse_of_repeat(case, before, after)
        if isinstance(cause, int):
            resent[cause].add(before.number)
    return [
        (len(resent[index]), case.allowed(disturbance))
        for index, disturbance in enumerate(case.evidence.disturbances)
    ]
