"""Why we wait: the reasons for which nothing new is sent, per action type or for all.

A reason that the world gave (an outage) is disproved by a success, so a closed scope lets one request
through now and then: the probe. A reason in `HELD` is no outage; only `resume` opens it, and while it
stands nothing is probed.

How it is used, by any number of coroutines that never await between two of these calls:

    if gate.may_send(action, now): send
    elif gate.probe(action, now):  send one, and when it is over, however it ended, `probe_failed`
    else:                          wait until `next_probe(action)`, or until somebody opens something

    an outage:  gate.close(reason, scope, now, retry_after, started=when the request began)
    a success:  gate.succeeded(action, now, started=when the request began)

Evidence is ordered by when its request began. A failure that began before a success of the same scope
did says nothing new, so stragglers of an outage neither close the gate again nor push its probes back;
nor does a success that began before the latest failure open anything. Give `started` always or never.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

Scope = str | None
"""An action type; None: everything."""

HELD: Final = frozenset({"operator", "letter_budget"})
"""Reasons that a success does not disprove."""

_SHORTEST_PROBE: Final = 0.5
"""At most two requests a second for each closed scope."""


@dataclass(slots=True)
class _Outage:
    """One closed scope and its probes."""

    since: float
    interval: float
    """Pause after the next probe, if it fails; doubled each time."""
    due: float
    """When the next probe may be sent."""
    evidence: float
    """When the latest request began that showed the outage."""
    not_before: float
    """The server asked to be left alone until then."""
    reasons: dict[str, float] = field(default_factory=dict)
    """Each with the time since when."""
    probing: str | None = None
    """The action type whose probe is on its way."""
    probed: float = float("-inf")
    """When the latest probe was taken."""


class Gate:
    """Open until closed. At most one probe is on its way for each closed scope.

    Times are seconds of one monotonic clock, never going back.
    """

    __slots__ = (
        "_first_probe",
        "_held",
        "_longest_probe",
        "_longest_retry_after",
        "_opened",
        "_outages",
        "_probe_lapses",
        "_proved",
    )

    def __init__(
        self,
        *,
        first_probe: float = 0.5,
        longest_probe: float = 4.0,
        longest_retry_after: float = 60.0,
        probe_lapses: float = 120.0,
    ) -> None:
        """All in seconds. `probe_lapses`: so long after a probe whose end nobody told comes the next.

        Raises:
            ValueError: `first_probe` is below half a second or above `longest_probe`.
        """
        if not _SHORTEST_PROBE <= first_probe <= longest_probe:
            raise ValueError(f"first_probe {first_probe} is not in 0.5..{longest_probe}")
        self._first_probe = first_probe
        self._longest_probe = longest_probe
        self._longest_retry_after = longest_retry_after
        self._probe_lapses = probe_lapses
        self._outages: dict[Scope, _Outage] = {}
        self._held: dict[Scope, dict[str, float]] = {}
        self._proved: dict[Scope, float] = {}
        self._opened: dict[Scope, tuple[float, float]] = {}

    @property
    def closed(self) -> bool:
        """Something is closed; False is the quick way to know that all may be sent."""
        return bool(self._outages or self._held)

    def may_send(self, action: str, now: float) -> bool:  # noqa: ARG002 - asked side by side with probe
        """Open for this action type and for all."""
        return not (self._closed_for(action) or self.held(action))

    def held(self, action: str) -> bool:
        """Closed until `resume`: not even a probe may go out, nor one that was taken before."""
        return action in self._held or None in self._held

    def closed_before(self, action: str, started: float) -> bool:
        """A request of this type that began then began into an outage that was known."""
        return any(outage.since < started for outage in self._closed_for(action))

    @property
    def held_for_all(self) -> bool:
        """Closed for everything until `resume`."""
        return None in self._held

    def reasons(self) -> list[tuple[Scope, str, float]]:
        """Scope, reason and since when, the oldest first."""
        closed = {scope: outage.reasons for scope, outage in self._outages.items()}
        return sorted(
            (
                (scope, reason, since)
                for reasons_of in (closed, self._held)
                for scope, reasons in reasons_of.items()
                for reason, since in reasons.items()
            ),
            key=lambda entry: entry[2],
        )

    def close(
        self,
        reason: str,
        scope: Scope,
        now: float,
        retry_after: float | None = None,
        *,
        started: float | None = None,
    ) -> bool:
        """Close `scope` for `reason`; True: this reason is new there.

        `retry_after`: seconds, as the server asked; a longer one than ours wins, up to the limit.
        `started`: when the request began that shows it; None: it is certain as of now.
        """
        if reason in HELD:
            return self._add(self._held.setdefault(scope, {}), reason, now)
        began = now if started is None else started
        if began < self._proved.get(scope, began):
            return False
        outage = self._outages.get(scope)
        straggler = outage is not None and began < outage.since
        if outage is None:
            outage = self._outages[scope] = self._new_outage(scope, now, began)
        outage.evidence = max(outage.evidence, began)
        if retry_after is not None and not straggler:
            pause = min(max(0.0, retry_after), self._longest_retry_after)
            outage.not_before = max(outage.not_before, now + pause)
            outage.due = max(outage.due, outage.not_before)
        return self._add(outage.reasons, reason, now)

    def probe(self, action: str, now: float) -> bool:
        """Closed, but a request of this type may go out to see whether it still is. Takes the probe."""
        due = self.next_probe(action)
        if due is None or now < due:
            return False
        for outage in self._closed_for(action):
            outage.probing = action
            outage.probed = now
        return True

    def next_probe(self, action: str) -> float | None:
        """When to ask `probe` again; None: open, or held until `resume`."""
        closed = self._closed_for(action)
        if not closed or self.held(action):
            return None
        return max(self._due(outage) for outage in closed)

    def probe_failed(self, action: str, now: float, *, started: float | None = None) -> None:
        """The probe of this type is over, and opened nothing: the next one comes later.

        Where it did open something, this changes nothing: call it after each probe. `started` (when
        the probe was taken) tells it from a later one of the same type.
        """
        for outage in self._closed_for(action):
            if outage.probing == action and started in {None, outage.probed}:
                outage.probing = None
                outage.due = max(outage.due, now + outage.interval)
                outage.interval = min(2 * outage.interval, self._longest_probe)

    def succeeded(
        self, action: str, now: float, *, started: float | None = None
    ) -> list[tuple[Scope, str]]:
        """Foundry answered a request of this type as it should; returns what that opened.

        It speaks for its own type and for everything, never for another type.
        """
        began = now if started is None else started
        opened: list[tuple[Scope, str]] = []
        for scope in (action, None):
            self._proved[scope] = max(began, self._proved.get(scope, began))
            outage = self._outages.get(scope)
            if outage and began >= outage.evidence and now >= outage.not_before:
                opened += [(scope, reason) for reason in outage.reasons]
                self._opened[scope] = now, outage.interval
                del self._outages[scope]
        return opened

    def resume(self, now: float) -> list[tuple[Scope, str]]:
        """An operator says: go on. Opens what is held, and lets outages be probed soon.

        A Retry-After no longer counts: whoever resumes knows better.
        """
        opened = [(scope, reason) for scope, reasons in self._held.items() for reason in reasons]
        self._held.clear()
        for outage in self._outages.values():
            outage.not_before = now
            outage.interval = self._first_probe
            # From its beginning too: an earlier outage of the scope may have been probed just before.
            outage.due = max(now, max(outage.since, outage.probed) + self._first_probe)
        return opened

    def _closed_for(self, action: str) -> list[_Outage]:
        if not self._outages:
            return []
        return [self._outages[scope] for scope in (action, None) if scope in self._outages]

    def _due(self, outage: _Outage) -> float:
        if outage.probing is None:
            return outage.due
        return max(outage.due, outage.probed + self._probe_lapses)

    def _new_outage(self, scope: Scope, now: float, began: float) -> _Outage:
        """Closed again right after it opened: the probes' answers do not hold, so they go on slowing."""
        opened, interval = self._opened.get(scope, (float("-inf"), 0.0))
        relapsed = now - opened < self._longest_probe
        pause = interval if relapsed else self._first_probe
        return _Outage(
            since=now,
            interval=min(2 * pause, self._longest_probe),
            due=now + pause,
            evidence=began,
            not_before=now,
        )

    @staticmethod
    def _add(reasons: dict[str, float], reason: str, now: float) -> bool:
        if reason in reasons:
            return False
        reasons[reason] = now
        return True
