"""How far records were on their way at a moment, by Foundry's logs and the group's store alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from deploy.local.chaos.evidence import ONCE, Partition, Published
from deploy.local.chaos.variety import APPLIED
from deploy.local.chaos.witnesses import Witnesses
from deploy.local.foundry import Foundry

BEFORE_CLAIM = "before its claim"
CLAIMED = "claimed, not sent"
SENT = "sent"
UNANSWERED = "applied, unanswered"
UNCOMMITTED = "answered, not committed"
PHASES = (BEFORE_CLAIM, CLAIMED, SENT, UNANSWERED, UNCOMMITTED)
RECENT = 20_000


class Phases:
    """Counts them. It passes over what the store has called done once, so that a long run costs no more than a short one."""

    def __init__(self, witnesses: Witnesses) -> None:
        self._witnesses = witnesses
        self._first = 0

    def count(self, foundry: Foundry) -> Mapping[str, int]:
        """Nothing here waits, so it is one moment."""
        seen = self._witnesses
        seen.drain(foundry)
        found: Counter[str] = Counter()
        executed = {effect.request for effect in seen.effects[-RECENT:]}
        for asked in foundry.requests.under_way:
            found[UNANSWERED if asked.number in executed else SENT] += len(asked.items)
        under_way = seen.in_flight(foundry)
        for each in self._heads():
            if each.number in under_way:
                continue
            if each.number in seen.applied:
                found[UNCOMMITTED] += 1
            elif each.repeat in ONCE:
                found[CLAIMED if self._claimed(each) else BEFORE_CLAIM] += 1
        return found

    def _heads(self) -> Iterator[Published]:
        """What took effect and is not done in the store, and the first of each lane that is left."""
        lanes: set[str] = set()
        published = self._witnesses.published
        while self._first < len(published) and self._done(published[self._first]):
            self._first += 1
        for each in published[self._first :]:
            if self._done(each) or each.lane in lanes:
                continue
            if each.number not in self._witnesses.applied and each.lane is not None:
                lanes.add(each.lane)
            yield each

    def _done(self, each: Published) -> bool:
        return each.expect != APPLIED or self._witnesses.is_done(each)

    def _claimed(self, each: Published) -> bool:
        look = self._witnesses.latest.get(_partition(each))
        return look is not None and look.is_claimed(each.place.offset)


def _partition(each: Published) -> Partition:
    return each.place.topic, each.place.partition
