"""How many requests the fake Foundry takes at one time, and that it is left alone when it says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from consumer.outcomes import Answer, Outage
from tests.fakes.log import Coordinate
from tests.fakes.network import later
from tests.fakes.truth import Truth, name


@dataclass(slots=True)
class Capacity:
    """Takes `admits` requests at one time and answers 429 to the others, quickly."""

    admits: int
    seconds: Callable[[Sequence[Coordinate]], float] = lambda _spots: 0.5
    """How long a request takes that was taken."""
    retry_after: float | None = 1.0
    refused_within: float = 0.02
    moody: Callable[[Sequence[Coordinate]], bool] = lambda _spots: False
    """Refuses this one, too, for no reason."""
    strict: bool = True
    """A record that was refused comes back only when it was asked to; the next owner of one does not know."""
    under_way: int = 0
    taken: list[tuple[float, float]] = field(default_factory=list)
    """When each request was taken, and until when it was worked on."""
    refused: list[float] = field(default_factory=list)
    """When each request was refused."""
    _closed_until: dict[Coordinate, float] = field(default_factory=dict)

    def take(self, truth: Truth, spots: Sequence[Coordinate]) -> float | None:
        """A request arrives: how long it will take; None: it is refused.

        Raises:
            LawBroken: one of its records was refused before, and its Retry-After has not passed.
        """
        now = truth.now()
        for spot in spots:
            if self.strict and now < self._closed_until.get(spot, now):
                raise truth.broken("Retry-After is obeyed", f"{name(spot)} comes too early")
        if self.under_way >= self.admits or self.moody(spots):
            self.refused.append(now)
            # Counted from the answer: the client cannot know of it before.
            until = now + self.refused_within + (self.retry_after or 0.0)
            self._closed_until.update(dict.fromkeys(spots, until))
            return None
        self.under_way += 1
        seconds = self.seconds(spots)
        self.taken.append((now, now + seconds))
        later(seconds, self._leave)
        return seconds

    def worked(self, since: float, until: float) -> float:
        """Seconds of work in that time: what was on its way at one time, multiplied by how long."""
        return sum(max(0.0, min(end, until) - max(start, since)) for start, end in self.taken)

    def _leave(self) -> None:
        self.under_way -= 1

    @property
    def refusal(self) -> Outage:
        """As the classifier reads Foundry's 429."""
        answer = Answer("http_429", status=429, retry_after=self.retry_after)
        return Outage(answer, "overloaded", everywhere=True)
