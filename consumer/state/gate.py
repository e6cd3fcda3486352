"""Why we wait: the reasons for which nothing new is sent, per action type or for all.

An outage is disproved by a success, so a closed scope lets one request through now and then: the probe. A
reason in `HELD` is not an outage: only `resume` removes it, and while it stands nothing is probed.

How it is used, by any number of coroutines that never await between two of these calls:

    if gate.may_send(action, now): send
    elif gate.probe(action, now):  send one, and when it is over, however it ended, `probe_failed`
    else:                          wait until `next_probe(action)`, or until somebody opens something

    an outage:  gate.close(reason, scope, now, retry_after, started=when the request began)
    a success:  gate.succeeded(action, now, started=when the request began)

A harmful request is not sent into an outage: its type is probed by validation. An answer to that proves
less than a success. It puts the scope *on trial*: from then on the probes are real requests, one at a time.
Only one that is applied opens the scope; one that fails ends the trial.

    answered:   gate.answered(action, now, started=when the request began); then ask `on_trial(action)`

Evidence is ordered by when its request began. A failure whose request began before that of a success in the
same scope says nothing new: stragglers of an outage neither close the gate again nor delay its probes. Nor
does a success open anything if its request began before that of the latest failure. Pass `started` always or
never. A wait that the server asks for counts from its answer, even a straggler's.
"""

from __future__ import annotations

from typing import Final

from consumer.state.outage import FIRST_PROBE, LONGEST_PROBE, Outage

Scope = str | None
"""An action type; None: everything. Of `letters_failing` it is the topic that the letters come from."""

HELD: Final = frozenset({"operator", "letter_budget"})
"""Reasons that no success can disprove."""

LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds. A longer wait is cut to this: all may be well again sooner."""


class Gate:
    """Open until closed. Each closed scope has one probe at a time, unless one hangs.

    Times are seconds of one monotonic clock.
    """

    __slots__ = (
        "_held",
        "_letters",
        "_opened",
        "_outages",
        "_proved",
    )

    def __init__(self) -> None:
        self._outages: dict[Scope, Outage] = {}
        self._held: dict[Scope, dict[str, float]] = {}
        self._letters: dict[Scope, dict[str, float]] = {}
        self._proved: dict[Scope, float] = {}
        self._opened: dict[Scope, tuple[float, float]] = {}

    @property
    def closed(self) -> bool:
        """True: something is closed. False is the quick way to know that everything may be sent."""
        return bool(self._outages or self._held)

    def may_send(self, action: str, now: float) -> bool:  # noqa: ARG002 - asked side by side with probe
        """True: open for this action type and for all."""
        return not (self._closed_for(action) or self.held(action))

    def held(self, action: str) -> bool:
        """Closed until `resume`: not even a probe may go out, not even one taken before."""
        return action in self._held or None in self._held

    def closed_by_itself(self, action: str) -> bool:
        """Closed for this action type's own sake, whatever else is closed."""
        return action in self._outages

    def closed_before(self, action: str, started: float) -> bool:
        """True: when a request of this type that began at `started` did so, the outage was already known."""
        return any(outage.since < started for outage in self._closed_for(action))

    @property
    def held_for_all(self) -> bool:
        """Closed for everything until `resume`."""
        return None in self._held

    @property
    def closed_for_all(self) -> bool:
        """Nothing may be sent except, perhaps, a probe."""
        return None in self._outages or None in self._held

    def reasons(self) -> list[tuple[Scope, str, float]]:
        """Each as (scope, reason, since when), the oldest first."""
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
        """Letters of this source topic are not taken; True: that is new.

        It closes nothing: each partition with such a letter stands still by itself, and everything else goes on.
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

        `retry_after`: seconds, as the server asked; if longer than our own wait it wins, up to the limit.
        `started`: when the request that shows it began; None: it is certain as of now.
        `lonely`: it may be the trouble of a single record.
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
            # Even a straggler's: the server has only just said it.
            outage.ask_not_before(now + min(max(0.0, retry_after), LONGEST_RETRY_AFTER))
        return self._add(outage.reasons, reason, now)

    def probe(self, action: str, now: float, *, fresh: bool = False) -> bool:
        """True: closed, but a request of this type may now go out to see whether it still is. Takes the probe.

        `fresh`: the probe would be a record that never failed.
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
        """The probe of this type is over and opened nothing: the next one comes later.

        Call it after every probe: where the probe did open something, this changes nothing. `started` (when
        the probe was taken) distinguishes it from a later one of the same type.
        """
        for outage in self._closed_for(action):
            if outage.probing == action and started in {None, outage.probed}:
                outage.probe_ended(now)

    def answered(self, action: str, now: float, *, started: float | None = None) -> None:
        """Foundry answered a request of this type, but applied nothing: the next probe is a real one."""
        for outage in self._closed_for(action):
            outage.answered(now, now if started is None else started)

    def on_trial(self, action: str) -> bool:
        """True: validation was answered in every scope closed for this type, so its next probe is a real request."""
        return all(outage.trial_since is not None for outage in self._closed_for(action))

    def reached(self, now: float, *, started: float) -> list[tuple[Scope, str]]:
        """Foundry itself refused a request because of its type, so no outage of all lasts; returns what that opened."""
        return self._disprove(None, now, started)

    def succeeded(
        self, action: str, now: float, *, started: float | None = None
    ) -> list[tuple[Scope, str]]:
        """Foundry answered a request of this type as it should; returns what that opened.

        That is evidence for its own type and for all, never for another type.
        """
        began = now if started is None else started
        return self._disprove(action, now, began) + self._disprove(None, now, began)

    def resume(self, now: float) -> list[tuple[Scope, str]]:
        """An operator says: go on. Opens what is held, and has outages probed soon.

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
        """If it closes again right after it opened, the probes proved too little: their pace slows on from where it was."""
        opened, interval = self._opened.get(scope, (float("-inf"), 0.0))
        relapsed = now - opened < LONGEST_PROBE
        pause = interval if relapsed else FIRST_PROBE
        return Outage(
            since=now,
            interval=min(2 * pause, LONGEST_PROBE),
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
