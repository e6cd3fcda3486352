"""The verdict: what came of each published event, judged by what was published, what took effect and the letters."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from deploy.local.demo.events import (
    ONCE,
    REPEAT,
    Already,
    Apply,
    Bury,
    Ignore,
    Wanted,
)
from deploy.local.demo.evidence import Effect, Evidence, Letter, Place, Published
from deploy.local.demo.order import Occurrence, misplaced

UNANSWERED_COMMITS = 10
"""Nothing new is sent while the last acknowledged commit is older than so many commit intervals."""


@dataclass(slots=True)
class Verdict:
    """Counts, and for each kind of fault the events that show it. Not frozen: it is filled event by event."""

    published: int = 0
    applied: int = 0
    already: int = 0
    ignored: int = 0
    lettered: Counter[str] = field(default_factory=Counter)
    letters_twice: int = 0
    repeated: Counter[str] = field(default_factory=Counter)
    """Effects that came once more, by repeat kind: allowed for `safe`, after a kill."""
    oldest_repeat: float = 0.0
    """Seconds before the kill that the oldest repeated effect first came."""
    unknown_applied: int = 0
    """Of the letters `unknown`: those whose action took effect all the same."""

    lost: list[str] = field(default_factory=list)
    harmful: list[str] = field(default_factory=list)
    unbounded: list[str] = field(default_factory=list)
    misordered: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)

    @property
    def faults(self) -> Mapping[str, Sequence[str]]:
        """By its name in the table; all empty: every promise was kept."""
        return {
            "lost": self.lost,
            "never or ask applied twice": self.harmful,
            "repeated without bound": self.unbounded,
            "out of order": self.misordered,
            "wrong": self.wrong,
            "not committed": self.unsettled,
        }

    @property
    def kept(self) -> bool:
        return not any(self.faults.values())


def judge(evidence: Evidence) -> Verdict:
    """Total: whatever the witnesses say, each published event is counted once.

    Raises:
        ValueError: two published events want the same effect, so that nobody could tell them apart.
    """
    return _Judge(evidence).verdict()


class _Judge:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._verdict = Verdict(published=len(evidence.published))
        self._letters = self._by_place()
        self._occurrences = self._by_identity()

    def verdict(self) -> Verdict:
        for event in self._evidence.published:
            self._judge(event)
        self._judge_repeats()
        lanes = self._lanes()
        self._verdict.misordered += misplaced(lanes, replays=len(self._evidence.kills))
        return self._verdict

    def _by_place(self) -> dict[Place, Letter]:
        known = {event.place: event for event in self._evidence.published}
        found: dict[Place, Letter] = {}
        for letter in self._evidence.letters:
            event = known.get(letter.place) if letter.place is not None else None
            if event is None or letter.place is None:
                self._verdict.wrong.append(
                    f"a letter about {letter.place}, where nothing was published"
                )
                continue
            self._verdict.letters_twice += letter.place in found
            found[letter.place] = letter
            if not _original(letter, event):
                self._verdict.wrong.append(f"the letter of {letter.place} has another key or value")
        return found

    def _by_identity(self) -> dict[str, list[Effect]]:
        found: dict[str, list[Effect]] = {
            action.identity: [] for event in self._evidence.published for action in _wanted(event)
        }
        if len(found) != sum(len(_wanted(event)) for event in self._evidence.published):
            raise ValueError("two published events want the same effect")
        for effect in sorted(self._evidence.effects, key=lambda each: each.sequence):
            identity = Wanted(effect.action, effect.parameters).identity
            if identity in found:
                found[identity].append(effect)
            else:
                self._verdict.wrong.append(f"effect {effect.sequence}: {identity}: never published")
        return found

    def _judge(self, event: Published) -> None:
        letter = self._letters.get(event.place)
        if event.place.offset >= self._evidence.committed.get(event.place[:2], 0):
            self._verdict.unsettled.append(f"{event.place}")
        if letter is not None:
            self._verdict.lettered[letter.reason] += 1
            self._judge_letter(event, letter)
            return
        match event.draft.expect:
            case Apply():
                self._judge_applied(event)
            case Already():
                self._verdict.already += 1
            case Ignore():
                self._verdict.ignored += 1
            case Bury(reason=reason):
                self._verdict.lost.append(f"{event.place}: no letter, {reason} was due")
            case unreachable:
                assert_never(unreachable)

    def _judge_applied(self, event: Published) -> None:
        missing = [each.action for each in _wanted(event) if not self._occurrences[each.identity]]
        if missing:
            what = ", ".join(missing)
            self._verdict.lost.append(f"{event.place}: no effect and no letter: {what}")
        else:
            self._verdict.applied += 1

    def _judge_letter(self, event: Published, letter: Letter) -> None:
        expect = event.draft.expect
        if isinstance(expect, Bury) and expect.reason == letter.reason:
            return
        actions = _wanted(event)
        # A request whose outcome nobody knows: the one good reason for a letter about a good event.
        if letter.reason == "unknown" and actions and REPEAT[actions[0].action] == "never":
            self._verdict.unknown_applied += bool(self._occurrences[actions[0].identity])
            return
        due = expect.reason if isinstance(expect, Bury) else type(expect).__name__.lower()
        self._verdict.wrong.append(f"{event.place}: a letter {letter.reason!r}, due was {due!r}")

    def _judge_repeats(self) -> None:
        # Of an event with several actions the first may have waited long for the last: a kill between
        # them leaves the whole event unsettled, and it begins again with the first.
        begun = {
            each.identity for event in self._evidence.published for each in _wanted(event)[:-1]
        }
        for identity, effects in self._occurrences.items():
            if len(effects) > 1:
                kind = REPEAT[effects[0].action]
                self._verdict.repeated[kind] += len(effects) - 1
                if kind in ONCE:
                    self._verdict.harmful.append(f"{len(effects)} times: {identity}")
                else:
                    self._judge_age(identity, effects, waited=identity in begun)

    def _judge_age(self, identity: str, effects: Sequence[Effect], *, waited: bool) -> None:
        """A repeat is allowed of what was under way at a kill, or settled and not yet committed."""
        bound = UNANSWERED_COMMITS * self._evidence.commit_interval
        if waited:
            bound = float("inf")
        for before, after in itertools.pairwise(effects):
            # What was on its way when the process died may still have come a little later.
            since = before.time - self._evidence.settle_time
            kills = [kill for kill in self._evidence.kills if since <= kill <= after.time]
            age = kills[0] - before.time if kills else float("inf")
            if age > bound or not kills:
                self._verdict.unbounded.append(f"not by a kill just before: {identity}")
            else:
                self._verdict.oldest_repeat = max(self._verdict.oldest_repeat, age)

    def _lanes(self) -> Mapping[str, Sequence[Occurrence]]:
        lanes: dict[str, list[Occurrence]] = defaultdict(list)
        for event in self._evidence.published:
            lane = f"{event.draft.topic} {event.draft.key}"
            for index, action in enumerate(_wanted(event)):
                lanes[lane] += [
                    Occurrence(each.sequence, event.place, index, REPEAT[action.action] == "safe")
                    for each in self._occurrences[action.identity]
                ]
        return lanes


def _wanted(event: Published) -> tuple[Wanted, ...]:
    expect = event.draft.expect
    return expect.actions if isinstance(expect, Apply) else ()


def _original(letter: Letter, event: Published) -> bool:
    """Key and value as they were published. Where both are null a letter's value is empty, so keys are always given here."""
    return letter.key == event.draft.key.encode() and letter.value == event.draft.value
