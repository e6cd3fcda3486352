"""Closes the gate when the trouble is not just one record's, and opens it when Foundry proves to be well.

It also closes it when successes no longer pay for the letters: then a person has to look before more are written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from consumer.errors import GateReason
from consumer.model import Letter, Prepared
from consumer.outcomes import Answer, Outage
from consumer.ports import Watch
from consumer.state.budget import LetterBudget
from consumer.state.gate import Gate
from consumer.state.health import Health
from consumer.state.outage import LONGEST_PROBE
from consumer.state.workload import Workload

_ANSWERED: Final[frozenset[GateReason]] = frozenset(
    {"forbidden", "missing_action", "misconfigured"}
)
"""Reasons about one action type that come from Foundry itself: so Foundry is reached, and no outage of all lasts."""

_COUNT_AGAIN: Final = 0.25
"""Seconds between two counts of the records that may yet pay for waiting letters."""


class Gatekeeper:
    """Decides from the outcomes of requests; the gate itself only keeps the reasons."""

    def __init__(
        self,
        gate: Gate,
        budget: LetterBudget,
        workload: Workload,
        watch: Watch,
        *,
        wake_at: Callable[[float], None],
        shut: Callable[[], bool],
        pay: Callable[[], None],
    ) -> None:
        """`shut`: Foundry refuses even a single request at a time. `pay`: write the letters that wait to be paid for."""
        self.health = Health()
        self._gate = gate
        self._budget = budget
        self._workload = workload
        self._watch = watch
        self._wake_at = wake_at
        self._shut = shut
        self._pay = pay
        self._owing = self._counts_again = False
        self._now = asyncio.get_running_loop().time

    def open_for(self, action: str) -> bool:
        """True: nothing holds back requests of this type."""
        return not self._gate.closed or self._gate.may_send(action, self._now())

    def knew(self, entry: Prepared) -> bool:
        """The gate was already closed for it when its latest request began: that request was a trial."""
        return self._gate.closed_before(entry.call.action.name, entry.sent_at)

    def succeeded(self, action: str, started: float, count: int) -> None:
        """`count` actions of this type took effect, in a request that began at `started`: all is well for this type."""
        now = self._now()
        self._earned(count)
        self.health.succeeded(action, now, started=started)
        if self._gate.closed:
            self._open(action, now, started)

    def found(self, entry: Prepared) -> None:
        """A read-back found it applied. That pays for letters, but does not show that real requests work."""
        self._earned(1)
        self.dealt_with(entry)

    def dealt_with(self, entry: Prepared) -> None:
        """Foundry answered for the record, so this is no outage.

        For harmful types that is not enough to open a gate, since validation may be answered where real requests
        fail: those go out one at a time until one is applied.
        """
        action = entry.call.action.name
        self.health.answered(action, entry.sent_at)
        if not self._gate.closed:
            return
        if entry.repeat.claimed:
            self._gate.answered(action, self._now(), started=entry.sent_at)
        else:
            self._open(action, self._now(), entry.sent_at)

    def _open(self, action: str, now: float, started: float) -> None:
        self._opened(self._gate.succeeded(action, now, started=started), now)

    def _opened(self, opened: list[tuple[str | None, str]], now: float) -> None:
        for scope, reason in opened:
            self._watch.gate_opened(scope or "all", reason)
        if opened:
            self._wake_at(now)

    def outage(self, entry: Prepared, outcome: Outage) -> None:
        """A request was certainly not executed, and not through its own fault.

        A refusal for too many requests is no outage, unless even one at a time is too many.
        """
        if outcome.gate == "overloaded" and not self._shut():
            return
        everywhere, remedy = outcome.everywhere, outcome.remedy
        self.failing(entry, outcome.gate, outcome.answer, everywhere=everywhere, remedy=remedy)

    def failing(
        self,
        entry: Prepared,
        reason: GateReason,
        answer: Answer,
        *,
        everywhere: bool,
        remedy: str | None = None,
        at_once: bool = False,
    ) -> None:
        """A request failed through no fault of its own; the gate closes after some in a row, or `at_once`."""
        action, now = entry.call.action.name, self._now()
        if reason in _ANSWERED and answer.error_name is not None and not everywhere:
            self._opened(self._gate.reached(now, started=entry.sent_at), now)
        row, everywhere = self.health.failed(entry, now, everywhere=everywhere)
        # Each further one may do harm, or hang if nothing answers.
        dear = entry.repeat.claimed or answer.status is None
        # Nothing is sent for as long as Foundry asks, so no second failure can come until that is over.
        told = self._shut() and (answer.retry_after or 0.0) > LONGEST_PROBE
        sure = at_once or told or row.outage(entry, everywhere=everywhere, dear=dear)
        if self.open_for(action) and not sure:
            return
        scope = None if everywhere else action
        closed = self._gate.close(
            reason,
            scope,
            now,
            answer.retry_after,
            started=entry.sent_at,
            lonely=row.lonely,
        )
        if closed:
            self._watch.gate_closed(scope or "all", reason, answer, remedy)
            # A kill during an outage must not make every waiting record unknown.
            self._workload.release_kept(scope)

    def afford(self, letter: Letter) -> bool:
        """Pay for a letter; False: nothing is left now, so it must wait."""
        return self._budget.spend(letter.reason, _place(letter))

    @property
    def funded(self) -> bool:
        """Enough is left for a letter."""
        return self._budget.remaining > 0

    def owe(self, first: Letter | None, waiting: int, pay_nothing: Callable[[], int]) -> None:
        """`waiting` letters wait to be paid for, `first` before the others.

        `pay_nothing` counts the records that will not pay for them: those of letters not written yet, and those behind
        these in their lanes. As long as the other records in memory could pay for all of them, the letters wait for
        that. Otherwise nothing will pay, and the gate is closed until `resume`.
        """
        self._owing = waiting > 0
        if first is None or self._gate.held_for_all or self._counts_again:
            return
        # Only once in a while: counting looks at each letter that waits. And again even if no letter is added, as
        # records that were counted on may end without a success, with their session.
        self._counts_again = True
        asyncio.get_running_loop().call_later(_COUNT_AGAIN, self._count_again)
        payers = self._workload.records - self._workload.ahead - pay_nothing()
        if self._budget.covers(waiting, payers):
            return
        reason, example = self._budget.dominant() or (first.reason, _place(first))
        answer = Answer(reason, f"for example {example}")
        remedy = (
            f"most letters since the last resume are {reason!r}, for example {example}: look at them"
            " and fix the cause, then POST /resume or restart; both refill the budget"
        )
        self._hold("letter_budget", answer, remedy)

    def _count_again(self) -> None:
        self._counts_again = False
        if self._owing:
            self._pay()

    def _earned(self, count: int) -> None:
        self._budget.succeeded(count)
        if self._owing and self.funded and not self._gate.held_for_all:
            self._pay()

    def letters(self, topic: str, cause: str | None) -> None:
        """Letters of this source topic are not taken, for this cause; None: they are taken again."""
        if cause is None:
            self._gate.letters_taken(topic)
            self._watch.gate_opened(topic, "letters_failing")
        elif self._gate.letters_failing(topic, self._now()):
            answer = Answer("letter_not_taken", cause)
            remedy = f"{cause}; partitions with such letters are held, and continue once the letters are written"
            self._watch.gate_closed(topic, "letters_failing", answer, remedy)

    def pause(self) -> None:
        """An operator says: send nothing new."""
        self._hold("operator", Answer("operator"), None)

    def resume(self) -> None:
        """An operator has looked: what is held opens, with a full letter budget, and outages are probed soon."""
        now = self._now()
        self._budget.refill()
        self._opened(self._gate.resume(now), now)
        self._wake_at(now)  # outages may be probed sooner now

    def _hold(self, reason: GateReason, answer: Answer, remedy: str | None) -> None:
        if self._gate.close(reason, None, self._now()):
            self._watch.gate_closed("all", reason, answer, remedy)
            self._workload.release_kept(None)


def _place(letter: Letter) -> str:
    record = letter.record
    return f"{record.topic}/{record.partition}/{record.offset}"
