"""What really happened: effects, answers, letters. It knows more than any process, and judges what they do."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from consumer.model import Letter, Partition
from tests.fakes.log import Coordinate, FakeLog


class LawBroken(AssertionError):
    """The service broke one of its promises."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"{law}: {what}")
        self.law = law


@dataclass(frozen=True, slots=True)
class Effect:
    """One action of one record took effect."""

    at: float
    coordinate: Coordinate
    step: int
    owner: int
    """Number of the session that sent it; sessions are numbered as they begin."""


class Truth:
    """Facts, and the last of what happened as a trace."""

    def __init__(
        self, log: FakeLog, now: Callable[[], float], fail: Callable[[BaseException], None]
    ) -> None:
        self.log = log
        self.now = now
        self._fail = fail
        self.trace: deque[str] = deque(maxlen=5_000)
        self.effects: list[Effect] = []
        self.effects_of: dict[Coordinate, list[Effect]] = defaultdict(list)
        self.steps_told: dict[Coordinate, int] = {}
        """How many of its actions the service was told to be applied, by whichever answer."""
        self.settled: dict[Coordinate, float] = {}
        """What the service may call done, and since when."""
        self.how: dict[Coordinate, set[str]] = defaultdict(set)
        self.letters: dict[Coordinate, list[Letter]] = defaultdict(list)
        self.may_be_applied: set[Coordinate] = set()
        """Sent, or inherited as claimed, and nobody was told what became of it."""
        self.read_back: set[Coordinate] = set()
        """Looked up, and not found."""
        self.touched: set[Coordinate] = set()
        """Sent at least once, by anybody."""
        self.sent_at: dict[Coordinate, float] = {}
        """When it was sent last."""
        self.excuses: Counter[Coordinate] = Counter()
        """How many repeats of a record a failure explains."""
        self.unknown_explained: set[Coordinate] = set()
        self.successes: dict[str, list[float]] = defaultdict(list)
        self.failing_since: dict[Coordinate, float] = {}
        self._next_unsettled: dict[Partition, int] = {}

    def note(self, what: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self.now():10.3f} {what}")

    def broken(self, law: str, what: str) -> LawBroken:
        """The error to raise; it ends the run even if the service swallows it."""
        error = LawBroken(law, what)
        self.note(f"LAW BROKEN {error}")
        self._fail(error)
        return error

    def settle(self, coordinate: Coordinate, how: str) -> None:
        """From here on the service may call it done."""
        self.how[coordinate].add(how)
        self.settled.setdefault(coordinate, self.now())

    def took_effect(self, coordinate: Coordinate, step: int, owner: int) -> None:
        """Foundry has executed it."""
        effect = Effect(self.now(), coordinate, step, owner)
        self.effects.append(effect)
        self.effects_of[coordinate].append(effect)

    def told_applied(self, coordinate: Coordinate, step: int) -> None:
        """The service was told that this action is applied."""
        steps = max(self.steps_told.get(coordinate, 0), step + 1)
        self.steps_told[coordinate] = steps
        if steps == self.log.specs[coordinate].steps:
            self.settle(coordinate, "applied")

    def failed(self, coordinate: Coordinate) -> None:
        """A request with it did not go well."""
        self.failing_since.setdefault(coordinate, self.now())

    def executed(self, coordinate: Coordinate, step: int = 0) -> bool:
        """Whether it took effect at least once, told or not."""
        return any(effect.step == step for effect in self.effects_of.get(coordinate, ()))

    def first_unsettled(self, partition: Partition) -> int:
        """The watermark that is right now; nothing beyond it may be committed."""
        offsets = self.log.offsets(partition)
        index = self._next_unsettled.get(partition, 0)
        while index < len(offsets) and self._over((partition, offsets[index])):
            index += 1
        self._next_unsettled[partition] = index
        return offsets[index] if index < len(offsets) else self.log.end(partition)

    def _over(self, coordinate: Coordinate) -> bool:
        if coordinate in self.settled:
            return True
        partition, offset = coordinate
        # Retention took it before it was read: not the service's loss. Claimed, it still needs a letter.
        claimed = self.log.specs[coordinate].repeat.claimed and coordinate in self.may_be_applied
        return offset < self.log.start(partition) and not claimed

    def unsettled(self) -> list[Coordinate]:
        """Every record that still waits."""
        return [spot for spot in self.log.specs if not self._over(spot)]

    def excuse(self, coordinates: Iterable[Coordinate], why: str) -> None:
        """A failure explains one repeat of each."""
        named = list(coordinates)
        self.excuses.update(named)
        if named:
            self.note(f"may be repeated ({why}): {' '.join(map(name, named))}")


def name(coordinate: Coordinate) -> str:
    """`topic/partition/offset`."""
    (topic, partition), offset = coordinate
    return f"{topic}/{partition}/{offset}"


def parse_name(text: str) -> Coordinate:
    """The reverse of `name`."""
    topic, partition, offset = text.rsplit("/", 2)
    return Partition(topic, int(partition)), int(offset)
