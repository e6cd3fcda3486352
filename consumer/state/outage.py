"""One closed scope of the gate: why, since when, and when to look whether it is over."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """How often a closed scope may be probed. Seconds."""

    first: float
    """Before the first probe, and between any two."""
    longest: float
    """Between two that fail; and so long after one that is still on its way comes the next."""
    lapses: float
    """So long after a trial whose end nobody told comes the next."""


@dataclass(slots=True)
class Outage:
    """From its first evidence to the success that disproves it."""

    pace: Pace
    since: float
    interval: float
    """Pause after the next probe, if it fails; doubled each time."""
    due: float
    """When the next probe may be sent."""
    evidence: float
    """When the latest request began that showed the outage."""
    not_before: float
    """The server asked to be left alone until then."""
    lonely: bool
    """All that failed was one record: others may look for themselves."""
    reasons: dict[str, float] = field(default_factory=dict)
    """Each with the time since when."""
    probing: str | None = None
    """The action type whose probe is on its way."""
    probed: float = float("-inf")
    """When the latest probe was taken."""
    trial_since: float | None = None
    """Since then validation is answered, but nothing was applied yet."""

    def failed_again(self, began: float, *, lonely: bool) -> None:
        """One more request that began then shows it."""
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
        """A probe of this type is on its way."""
        self.probing = action
        self.probed = now

    def probe_ended(self, now: float) -> None:
        """And it opened nothing. A trial that did no harm does not slow the next one."""
        self.probing = None
        if self.trial_since is not None:
            self.due = max(self.due, self.probed + self.pace.first)
            return
        self.due = max(self.due, now + self.interval)
        self.interval = min(2 * self.interval, self.pace.longest)

    def due_for(self, *, fresh: bool) -> float:
        """When the next probe may be taken; `fresh`: by a record that never failed."""
        if self.probing is not None and self.trial_since is not None:
            # A real one may do harm: it stays the only one, whosever trouble it is.
            return max(self.due, self.probed + self.pace.lapses)
        if fresh and self.lonely:
            soon = max(self.since, self.probed) + self.pace.first
            return max(soon, self.not_before)
        if self.probing is None:
            return self.due
        # One that hangs must not keep the next from finding that all is well again.
        return max(self.due, self.probed + self.pace.longest)

    def hurry(self, now: float) -> None:
        """An operator wants to know soon; two probes keep their distance all the same."""
        self.not_before = now
        self.interval = self.pace.first
        # From its beginning too: an earlier outage of the scope may have been probed just before.
        self.due = max(now, max(self.since, self.probed) + self.pace.first)
