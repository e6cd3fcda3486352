"""What the core tells of itself, checked against what happened."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from consumer.model import Letter, Partition, Prepared, Record
from consumer.outcomes import Answer
from consumer.store import CommitResult
from tests.fakes.log import Coordinate
from tests.fakes.truth import Truth, name


class FakeWatch:
    """Implements the core's `Watch`: refuses to be told what is not so."""

    def __init__(self, process: str, truth: Truth) -> None:
        self._process, self._truth = process, truth
        self.gates: list[str] = []
        self.gates_at: list[float] = []
        self.remedies: dict[str, str | None] = {}
        """What was said to be done, by reason."""
        self.held_times = 0
        self.held_partitions: dict[Partition, str] = {}
        self.notes: list[str] = []
        self.commits: list[Mapping[Partition, CommitResult]] = []

    def applied(self, entries: Sequence[Prepared], *, already: bool) -> None:
        for entry in entries:
            coordinate = coordinate_of(entry.record)
            if self._truth.steps_told.get(coordinate, 0) < entry.applied + 1:
                raise self._truth.broken("what is told is so", f"{name(coordinate)} not applied")

    def ignored(self, record: Record, why: str) -> None:
        coordinate = coordinate_of(record)
        if "ignored" not in self._truth.how[coordinate]:
            raise self._truth.broken("what is told is so", f"{name(coordinate)} not ignored")

    def lettered(self, letter: Letter) -> None:
        coordinate = coordinate_of(letter.record)
        if "lettered" not in self._truth.how[coordinate]:
            raise self._truth.broken("what is told is so", f"{name(coordinate)} has no letter")

    def retried(self, action: str, answer: Answer, delay: float) -> None:
        self._truth.note(f"{self._process} retries {action} in {delay:.2f} s: {answer.cause}")

    def unknown(self, entries: Sequence[Prepared], answer: Answer) -> None:
        for entry in entries:
            self._truth.note(f"{self._process} {name(coordinate_of(entry.record))} is unknown")

    def gate_closed(self, scope: str, reason: str, answer: Answer, remedy: str | None) -> None:
        self.gates.append(f"closed {scope} {reason}")
        self.gates_at.append(self._truth.now())
        self.remedies[reason] = remedy
        self._truth.note(f"{self._process} gate closed: {scope} {reason}")

    def gate_opened(self, scope: str, reason: str) -> None:
        self.gates.append(f"opened {scope} {reason}")
        self.gates_at.append(self._truth.now())
        self._truth.note(f"{self._process} gate opened: {scope} {reason}")

    def committed(self, results: Mapping[Partition, CommitResult]) -> None:
        self.commits.append(results)

    def assigned(self, partitions: Collection[Partition]) -> None:
        self._truth.note(f"{self._process} begins with {sorted(p.partition for p in partitions)}")

    def revoked(self, partitions: Collection[Partition], *, drained: bool) -> None:
        self._truth.note(f"{self._process} gave up {sorted(p.partition for p in partitions)}")

    def held(self, partition: Partition, why: str) -> None:
        self.held_times += 1
        self.held_partitions[partition] = why
        self._truth.note(f"{self._process} holds {partition.partition}: {why}")

    def goes_on(self, partition: Partition, why: str) -> None:
        self.notes.append(why)
        self._truth.note(f"{self._process} lets {partition.partition} go on: {why}")

    def noted(self, partition: Partition, what: str) -> None:
        self.notes.append(what)
        self._truth.note(f"{self._process} notes {partition.partition}: {what}")


def coordinate_of(record: Record) -> Coordinate:
    """Where it stands."""
    return Partition(record.topic, record.partition), record.offset
