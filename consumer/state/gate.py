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

Where a request does harm it is not sent into an outage: such a type is probed by validation. What that
answers proves less than a success. It puts the scope *on trial*: from then on the probes are to be real
requests, one at a time, and only one that is applied opens it; one that fails ends the trial.

    answered:   gate.answered(action, now, started=when the request began); then ask `on_trial(action)`

Evidence is ordered by when its request began. A failure that began before a success of the same scope
did says nothing new, so stragglers of an outage neither close the gate again nor push its probes back;
nor does a success that began before the latest failure open anything. Give `started` always or never.
A wait that the server asks for counts from its answer, a straggler's too.
"""

from __future__ import annotations

from typing import Final

from consumer.state.outage import Outage, Pace

Scope = str | None
"""An action type; None: everything. Of `letters_failing` it is the topic that the letters come from."""

HELD: Final = frozenset({"operator", "letter_budget"})
"""Reasons that a success does not disprove."""

_SHORTEST_PROBE: Final = 0.5
"""At most two requests a second for each closed scope."""

LONGEST_PROBE: Final = 4.0
"""Seconds between two probes that fail, in the end."""
LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds. A longer wait than this is not believed: all may be well again sooner."""


class Gate:
    """Open until closed. One probe at a time for each closed scope, save while one hangs.

    Times are seconds of one monotonic clock, never going back.
    """

    __slots__ = (
        "_held",
        "_letters",
        "_longest_retry_after",
        "_opened",
        "_outages",
        "_pace",
        "_proved",
    )

    def __init__(
        self,
        *,
        first_probe: float = 0.5,
        longest_probe: float = LONGEST_PROBE,
        longest_retry_after: float = LONGEST_RETRY_AFTER,
        probe_lapses: float = 120.0,
    ) -> None:
        """All in seconds. `probe_lapses`: so long after a trial whose end nobody told comes the next.

        Raises:
            ValueError: `first_probe` is below half a second or above `longest_probe`.
        """
        if not _SHORTEST_PROBE <= first_probe <= longest_probe:
            raise ValueError(f"first_probe {first_probe} is not in 0.5..{longest_probe}")
        self._pace = Pace(first_probe, longest_probe, probe_lapses)
        self._longest_retry_after = longest_retry_after
        self._outages: dict[Scope, Outage] = {}
        self._held: dict[Scope, dict[str, float]] = {}
        self._letters: dict[Scope, dict[str, float]] = {}
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

    def closed_by_itself(self, action: str) -> bool:
        """Closed for this action type's own sake, whatever else is closed."""
        return action in self._outages

    def closed_before(self, action: str, started: float) -> bool:
        """A request of this type that began then began into an outage that was known."""
        return any(outage.since < started for outage in self._closed_for(action))

    @property
    def held_for_all(self) -> bool:
        """Closed for everything until `resume`."""
        return None in self._held

    @property
    def closed_for_all(self) -> bool:
        """Nothing may be sent but a probe, if at all."""
        return None in self._outages or None in self._held

    def reasons(self) -> list[tuple[Scope, str, float]]:
        """Scope, reason and since when, the oldest first."""
        closed = {scope: outage.reasons for scope, outage in self._outages.items()}
        return sorted(
            (
                (scope, reason, since)
                for reasons_of in (closed, self._held, self._letters)
                for scope, reasons in reasons_of.items()
                for reason, since in reasons.items()
            ),
            key=lambda entry: entry[2],
        )

    def letters_failing(self, topic: str, now: float) -> bool:
        """Letters of this topic are not taken; True: that is new.

        It closes nothing: each partition with such a letter stands still by itself, and all else goes on.
        """
        return self._add(self._letters.setdefault(topic, {}), "letters_failing", now)

    def letters_taken(self, topic: str) -> None:
        """They are taken again."""
        self._letters.pop(topic, None)

    def close(
        self,
        reason: str,
        scope: Scope,
        now: float,
        retry_after: float | None = None,
        *,
        started: float | None = None,
        lonely: bool = False,
    ) -> bool:
        """Close `scope` for `reason`; True: this reason is new there.

        `retry_after`: seconds, as the server asked; a longer one than ours wins, up to the limit.
        `started`: when the request began that shows it; None: it is certain as of now.
        `lonely`: it may be the trouble of one record alone.
        """
        if reason in HELD:
            return self._add(self._held.setdefault(scope, {}), reason, now)
        began = now if started is None else started
        if began < self._proved.get(scope, began):
            return False
        outage = self._outages.get(scope)
        if outage is None:
            outage = self._outages[scope] = self._new_outage(scope, now, began, lonely=lonely)
        outage.failed_again(began, lonely=lonely)
        if retry_after is not None:
            # A straggler's too: the server has just said it.
            outage.ask_not_before(now + min(max(0.0, retry_after), self._longest_retry_after))
        return self._add(outage.reasons, reason, now)

    def probe(self, action: str, now: float, *, fresh: bool = False) -> bool:
        """Closed, but a request of this type may go out to see whether it still is. Takes the probe.

        `fresh`: with a record that never failed.
        """
        due = self.next_probe(action, fresh=fresh)
        if due is None or now < due:
            return False
        for outage in self._closed_for(action):
            outage.take_probe(action, now)
        return True

    def next_probe(self, action: str, *, fresh: bool = False) -> float | None:
        """When to ask `probe` again; None: open, or held until `resume`."""
        closed = self._closed_for(action)
        if not closed or self.held(action):
            return None
        return max(outage.due_for(fresh=fresh) for outage in closed)

    def probe_failed(self, action: str, now: float, *, started: float | None = None) -> None:
        """The probe of this type is over, and opened nothing: the next one comes later.

        Where it did open something, this changes nothing: call it after each probe. `started` (when
        the probe was taken) tells it from a later one of the same type.
        """
        for outage in self._closed_for(action):
            if outage.probing == action and started in {None, outage.probed}:
                outage.probe_ended(now)

    def answered(self, action: str, now: float, *, started: float | None = None) -> None:
        """Foundry answered a request of this type, but applied nothing: the next probe is a real one."""
        for outage in self._closed_for(action):
            outage.answered(now, now if started is None else started)

    def on_trial(self, action: str) -> bool:
        """Validation is answered in all that is closed for this type: its probe is to be a real request."""
        return all(outage.trial_since is not None for outage in self._closed_for(action))

    def reached(self, now: float, *, started: float) -> list[tuple[Scope, str]]:
        """Foundry refused a request for its type's sake, so all else is well; returns what that opened."""
        return self._disprove(None, now, started)

    def succeeded(
        self, action: str, now: float, *, started: float | None = None
    ) -> list[tuple[Scope, str]]:
        """Foundry answered a request of this type as it should; returns what that opened.

        It speaks for its own type and for everything, never for another type.
        """
        began = now if started is None else started
        return self._disprove(action, now, began) + self._disprove(None, now, began)

    def resume(self, now: float) -> list[tuple[Scope, str]]:
        """An operator says: go on. Opens what is held, and lets outages be probed soon.

        A Retry-After no longer counts: whoever resumes knows better.
        """
        opened = [(scope, reason) for scope, reasons in self._held.items() for reason in reasons]
        self._held.clear()
        for outage in self._outages.values():
            outage.hurry(now)
        return opened

    def _disprove(self, scope: Scope, now: float, began: float) -> list[tuple[Scope, str]]:
        self._proved[scope] = max(began, self._proved.get(scope, began))
        outage = self._outages.get(scope)
        if outage and began >= outage.evidence and now >= outage.not_before:
            self._opened[scope] = now, outage.interval
            del self._outages[scope]
            return [(scope, reason) for reason in outage.reasons]
        return []

    def _closed_for(self, action: str) -> list[Outage]:
        if not self._outages:
            return []
        return [self._outages[scope] for scope in (action, None) if scope in self._outages]

    def _new_outage(self, scope: Scope, now: float, began: float, *, lonely: bool) -> Outage:
        """Closed again right after it opened: the probes' answers do not hold, so they go on slowing."""
        opened, interval = self._opened.get(scope, (float("-inf"), 0.0))
        relapsed = now - opened < self._pace.longest
        pause = interval if relapsed else self._pace.first
        return Outage(
            self._pace,
            since=now,
            interval=min(2 * pause, self._pace.longest),
            due=now + pause,
            evidence=began,
            not_before=now,
            lonely=lonely,
        )

    @staticmethod
    def _add(reasons: dict[str, float], reason: str, now: float) -> bool:
        if reason in reasons:
            return False
        reasons[reason] = now
        return True
