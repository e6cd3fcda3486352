"""A dead-letter topic in memory: implements the core's `DeadLetters`, and judges the reason of each letter."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from consumer.errors import LetterTooLarge, Unavailable
from consumer.model import Letter, Partition
from tests.fakes.log import Coordinate, Fate
from tests.fakes.membership import Membership
from tests.fakes.source import FakeSource
from tests.fakes.truth import Truth, name

REASONS = {
    Fate.INVALID: {"invalid"},
    Fate.BUG: {"internal"},
    Fate.UNREADABLE: {"unreadable"},
    Fate.POISON: {"rejected", "exhausted", "unknown"},
    Fate.GOOD: {"exhausted", "unknown"},
    Fate.IGNORED: set[str](),
}
"""What a letter may say of a record, and nothing else."""


@dataclass(slots=True)
class LetterBox:
    """The topic itself, shared by all processes."""

    rng: random.Random
    unacknowledged: float = 0.0
    """Share of writes that fail; half of those are written all the same."""
    down_until: float = 0.0
    largest: int = 1_000_000
    """Bytes of a value that the topic takes."""
    given_up: set[Coordinate] = field(default_factory=set)
    """An operator said so."""
    failures: Counter[Coordinate] = field(default_factory=Counter)
    """How often a letter of a record was written and not acknowledged."""

    def faults_end(self) -> None:
        """From here on each letter is taken."""
        self.unacknowledged = self.down_until = 0.0
        self.largest = 1_000_000


class FakeDeadLetters:
    """One process's producer."""

    def __init__(
        self,
        process: str,
        *,
        box: LetterBox,
        source: FakeSource,
        truth: Truth,
        alive: Callable[[], None],
    ) -> None:
        self._process, self._box, self._source = process, box, source
        self._truth, self._alive = truth, alive
        self._begun: dict[int, tuple[Letter, Membership | None]] = {}
        """Letters under way, by identity, each with the session that began it; it may outlive that."""

    async def write(self, letter: Letter) -> None:
        self._alive()
        _, began_in = self._begun.setdefault(id(letter), (letter, self._source.membership))
        record = letter.record
        coordinate = (Partition(record.topic, record.partition), record.offset)
        self._judge(letter, coordinate)
        box, truth = self._box, self._truth
        if len(letter.record.value or b"") > box.largest:
            raise LetterTooLarge("it needs more")
        await asyncio.sleep(box.rng.uniform(0.001, 0.02))
        lost = truth.now() < box.down_until or box.rng.random() < box.unacknowledged
        if lost and box.rng.random() < 0.5:
            raise Unavailable("not written")
        membership = self._source.membership
        if any(each is None or each.damage for each in (membership, began_in)):
            # The partition was taken away while the letter was under way: its next owner writes one, too.
            box.failures[coordinate] += 1
        truth.touched.add(coordinate)
        truth.letters[coordinate].append(letter)
        truth.note(f"{self._process} letter {name(coordinate)}: {letter.reason}")
        await asyncio.sleep(box.rng.uniform(0.001, 0.02))
        if lost:
            box.failures[coordinate] += 1
            raise Unavailable("written, not acknowledged")
        truth.settle(coordinate, "lettered")
        del self._begun[id(letter)]
        if began_in is not None:
            began_in.settled(coordinate)

    def _judge(self, letter: Letter, coordinate: Coordinate) -> None:
        truth = self._truth
        spec = truth.log.specs[coordinate]
        if letter.reason == "skipped" and coordinate in self._box.given_up:
            return
        if letter.reason not in REASONS[spec.fate]:
            raise truth.broken("letters have their reason", f"{name(coordinate)}: {letter.reason}")
        if letter.reason == "unknown":
            self._judge_unknown(coordinate)
        if letter.reason == "exhausted" and not spec.conflicts:
            since = truth.failing_since.get(coordinate, truth.now())
            if not any(at >= since for at in truth.successes[spec.action]):
                raise truth.broken("law 6: an outage is not a dead letter", name(coordinate))

    def _judge_unknown(self, coordinate: Coordinate) -> None:
        truth = self._truth
        if not truth.log.specs[coordinate].repeat.claimed:
            raise truth.broken("letters have their reason", f"{name(coordinate)} may be sent again")
        if coordinate not in truth.unknown_explained:
            raise truth.broken(
                "unknown letters come from failures", f"{name(coordinate)}: nothing failed"
            )
