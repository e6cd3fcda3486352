"""The evidence put in order: what came of each record, and when."""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping

from deploy.local.chaos.evidence import (
    BROKER,
    Disturbance,
    Effect,
    Evidence,
    Letter,
    Partition,
    Published,
    Request,
)
from deploy.local.demo.evidence import Place

LATE_COMMITS = 3
"""Intervals within which a commit is stored by a broker that answers, on a busy machine too."""
LATE = 1.0
"""Seconds that a look, a receipt or an answer may be behind what it tells of."""
NEVER = float("inf")
UNANSWERED_COMMITS = 10
"""Nothing new is sent while the last acknowledged commit is older than so many commit intervals."""


class Case:
    """One run's evidence. `published[n].number` is n."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.effects: Mapping[tuple[int, int], list[Effect]] = defaultdict(list)
        for effect in sorted(evidence.effects):
            self.effects[effect.number, effect.step].append(effect)
        self.letters: Mapping[int, list[Letter]] = defaultdict(list)
        self.astray: list[Place | None] = []
        self._sort_letters()
        self.troubled: Mapping[int, list[Request]] = defaultdict(list)
        """By record: requests that carried it and were not simply answered."""
        for request in evidence.requests:
            for number in request.records:
                self.troubled[number].append(request)
        self.troubled_requests = {request.number for request in evidence.requests}
        self._times = sorted(effect.time for effect in evidence.effects)

    def _sort_letters(self) -> None:
        numbers = {each.place: each.number for each in self.evidence.published}
        for letter in sorted(self.evidence.letters, key=lambda letter: letter.time):
            number = None if letter.place is None else numbers.get(letter.place)
            if number is None:
                self.astray.append(letter.place)
            else:
                self.letters[number].append(letter)

    def is_applied(self, each: Published) -> bool:
        steps = range(each.steps)
        return bool(steps) and all((each.number, step) in self.effects for step in steps)

    def is_known_applied(self, each: Published) -> bool:
        """The answer said so, of its last action: whoever asked for it was told."""
        if not self.is_applied(each):
            return False
        last = self.effects[each.number, each.steps - 1]
        return any(effect.request not in self.troubled_requests for effect in last)

    def is_committed(self, each: Published) -> bool:
        partition = (each.place.topic, each.place.partition)
        return each.place.offset < self.evidence.committed.get(partition, 0)

    def settled_at(self, each: Published) -> float:
        """When its last effect or its letter was there."""
        if each.expect == "ignored":
            return 0.0
        lettered = min((letter.time for letter in self.letters[each.number]), default=NEVER)
        if not self.is_applied(each):
            return lettered
        last = max(self.effects[each.number, step][0].time for step in range(each.steps))
        return min(last, lettered)

    def by_partition(self) -> Mapping[Partition, dict[int, Published]]:
        """By offset, the lowest first."""
        found: dict[Partition, dict[int, Published]] = defaultdict(dict)
        for each in sorted(self.evidence.published, key=lambda each: each.place):
            found[each.place.topic, each.place.partition][each.place.offset] = each
        return found

    def repeats(self) -> Iterator[tuple[Effect, Effect]]:
        """Each effect that came again, after the one before it of the same action."""
        for effects in self.effects.values():
            yield from itertools.pairwise(effects)

    def disturbed_between(self, begin: float, end: float) -> bool:
        """A disturbance, or what a process does that wakes up and has not heard that it was given up."""
        return any(
            each.began <= end and self.over(each) >= begin for each in self.evidence.disturbances
        )

    def over(self, disturbance: Disturbance) -> float:
        """When what was on its way at a disturbance has come to its end."""
        return disturbance.ended + self.evidence.rules.settle_time + LATE

    def window(self) -> float:
        """Seconds before a disturbance of which the settled may not be stored."""
        rules = self.evidence.rules
        return UNANSWERED_COMMITS * rules.commit_interval + rules.request_timeout

    def allowed(self, disturbance: Disturbance) -> int:
        """Records that it may make happen again: in flight, or settled so lately that no commit need have told.

        By the rate of the time before it. While the broker is away nothing can be stored, and work goes
        on for as long as a commit may be old.
        """
        interval = self.evidence.rules.commit_interval
        lately = self.window() if disturbance.what == BROKER else LATE_COMMITS * interval
        begin = bisect.bisect_left(self._times, disturbance.began - lately)
        # Its member may be put out only when the broker is back, and has worked on until then.
        till = self.over(disturbance) if disturbance.what == BROKER else disturbance.ended
        end = bisect.bisect_right(self._times, till)
        return len(disturbance.in_flight) + end - begin
