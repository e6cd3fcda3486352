"""The load: which event is published next. Seeded."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.local.chaos.failed import NotPlayable
from deploy.local.chaos.variety import Draft, Repertoire, Template

KINDS = ("safe", "create", "ask", "never")


@dataclass(frozen=True, slots=True)
class Mix:
    """What the load is made of. Shares are of all events."""

    kinds: Sequence[str] = KINDS
    lanes: int = 400
    refused: float = 0.01
    ignored: float = 0.02
    hot: float = 0.0
    """Share of events of one lane, the first."""


class Supply:
    """Events without end; all kinds of `repeat` come equally often."""

    def __init__(self, found: Repertoire, mix: Mix, chance: random.Random) -> None:
        """Raises NotPlayable where no example can serve."""
        self.mix = mix
        self.found = found
        self._chance = chance
        self._number = 0
        self._by_kind: list[list[Template]] = []
        for kind in mix.kinds:
            of_kind = [each for each in found.applied if each.repeat == kind]
            self._by_kind += [of_kind] if of_kind else []
        if not self._by_kind:
            raise NotPlayable(
                f"the contracts have no example that can be published for {', '.join(mix.kinds)}: {found.left_out}"
            )

    def next(self) -> Draft:
        drawn = self._chance.random()
        if drawn < self.mix.refused and self.found.refused:
            return self._draft(self.found.refused)
        if drawn > 1 - self.mix.ignored and self.found.ignored:
            return self._draft(self.found.ignored)
        return self._draft(self._chance.choice(self._by_kind))

    def _draft(self, templates: Sequence[Template]) -> Draft:
        self._number += 1
        hot = self._chance.random() < self.mix.hot
        lane = 0 if hot else self._chance.randrange(self.mix.lanes)
        return self._chance.choice(templates).draft(lane, self._number)
