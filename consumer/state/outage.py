"""One closed scope of the gate: why, since when, and when to look whether it is over."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """How often a closed scope may be probed. Seconds."""

    first: float
    """Before the first probe, and at least between any two."""
    longest: float
    """At most between two that fail; also how long after one that still hangs the next one comes."""
    lapses: float
    """How long after a trial whose end was never reported the next one comes."""


@dataclass(slots=True)
class Outage:
    """From its first evidence to the success that disproves it."""

    pace: Pace
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
            self.due = max(self.due, self.probed + self.pace.first)
            return
        self.due = max(self.due, now + self.interval)
        self.interval = min(2 * self.interval, self.pace.longest)

    def due_for(self, *, fresh: bool) -> float:
        """When the next probe may be taken; `fresh`: with a record that never failed."""
        if self.probing is not None and self.trial_since is not None:
            # A real request may do harm, so it stays the only one, whatever the trouble is.
            return max(self.due, self.probed + self.pace.lapses)
        if fresh and self.lonely:
            soon = max(self.since, self.probed) + self.pace.first
            return max(soon, self.not_before)
        if self.probing is None:
            return self.due
        # One that hangs must not keep the next from finding that all is well again.
        return max(self.due, self.probed + self.pace.longest)

    def hurry(self, now: float) -> None:
        """An operator wants to know soon; two probes still keep their minimum distance."""
        self.not_before = now
        self.interval = self.pace.first
        # From its beginning, too: an earlier outage of the scope may have been probed just before.
        self.due = max(now, max(self.since, self.probed) + self.pace.first)
