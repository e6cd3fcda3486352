"""One closed scope of the gate: why, since when, and when to look whether it is over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

FIRST_PROBE: Final = 0.5
"""Seconds before the first probe, and at least between any two: at most two requests a second per closed scope."""
LONGEST_PROBE: Final = 4.0
"""Seconds between two failing probes, once they have slowed down; also how long after one that hangs the next comes."""
TRIAL_LAPSES: Final = 120.0
"""Seconds after a trial whose end was never reported until the next one."""


@dataclass(slots=True)
class Outage:
    """From its first evidence to the success that disproves it."""

    since: float
    interval: float
    """Pause after the next probe, if that fails; doubled each time."""
    due: float
    """When the next probe may be sent."""
    evidence: float
    """When the latest request that showed the outage began."""
    not_before: float
    """The server asked to be left alone until then."""
    lonely: bool
    """Only a single record has failed: others may probe for themselves."""
    reasons: dict[str, float] = field(default_factory=dict)
    """Each with the time since when it holds."""
    probing: str | None = None
    """The action type whose probe is in flight."""
    probed: float = float("-inf")
    """When the latest probe was taken."""
    trial_since: float | None = None
    """Since then validation has been answered, but nothing applied yet; None: not on trial."""

    def failed_again(self, began: float, *, lonely: bool) -> None:
        """One more request, which began at `began`, shows the outage."""
        self.evidence = max(self.evidence, began)
        self.lonely = self.lonely and lonely
        if self.trial_since is not None and began >= self.trial_since:
            self.trial_since = None

    def ask_not_before(self, when: float) -> None:
        """The server asked to be left alone until then."""
        self.not_before = max(self.not_before, when)
        self.due = max(self.due, self.not_before)

    def answered(self, now: float, began: float) -> None:
        """Foundry answered a request that applied nothing: real ones may be tried, one at a time."""
        if began >= self.evidence and now >= self.not_before and self.trial_since is None:
            self.trial_since = now

    def take_probe(self, action: str, now: float) -> None:
        """A probe of this type goes out."""
        self.probing = action
        self.probed = now

    def probe_ended(self, now: float) -> None:
        """The probe is over and opened nothing. A trial that did not fail does not slow the next one."""
        self.probing = None
        if self.trial_since is not None:
            self.due = max(self.due, self.probed + FIRST_PROBE)
            return
        self.due = max(self.due, now + self.interval)
        self.interval = min(2 * self.interval, LONGEST_PROBE)

    def due_for(self, *, fresh: bool) -> float:
        """When the next probe may be taken; `fresh`: with a record that never failed."""
        if self.probing is not None and self.trial_since is not None:
            # A real request may do harm, so it stays the only one, whatever the trouble is.
            return max(self.due, self.probed + TRIAL_LAPSES)
        if fresh and self.lonely:
            soon = max(self.since, self.probed) + FIRST_PROBE
            return max(soon, self.not_before)
        if self.probing is None:
            return self.due
        # One that hangs must not keep the next from finding that all is well again.
        return max(self.due, self.probed + LONGEST_PROBE)

    def hurry(self, now: float) -> None:
        """An operator wants to know soon; two probes still keep their minimum distance."""
        self.not_before = now
        self.interval = FIRST_PROBE
        # From its beginning, too: an earlier outage of the scope may have been probed just before.
        self.due = max(now, max(self.since, self.probed) + FIRST_PROBE)
