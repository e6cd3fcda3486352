"""Closes the gate when trouble is more than one record's, and opens it when Foundry proves well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from consumer.model import Prepared
from consumer.outcomes import Answer
from consumer.ports import Watch
from consumer.state.gate import Gate
from consumer.state.health import Health
from consumer.state.workload import Workload

OUTAGE_AFTER: Final = 3
"""Requests of a type that fail in a row before its gate closes: one may be one record's trouble."""


class Gatekeeper:
    """Between what requests show and the gate, which only keeps the reasons."""

    def __init__(
        self, gate: Gate, workload: Workload, watch: Watch, wake_at: Callable[[float], None]
    ) -> None:
        self.health = Health()
        self._gate = gate
        self._workload = workload
        self._watch = watch
        self._wake_at = wake_at
        self._now = asyncio.get_running_loop().time

    def open_for(self, action: str) -> bool:
        """True: nothing keeps requests of this type back."""
        return not self._gate.closed or self._gate.may_send(action, self._now())

    def succeeded(self, action: str, started: float) -> None:
        """An action of this type took effect: the world is well as far as it is concerned."""
        now = self._now()
        self.health.succeeded(action, now)
        if self._gate.closed:
            self._open(action, now, started)

    def dealt_with(self, entry: Prepared) -> None:
        """Foundry answered for the record, so it is no outage."""
        action = entry.call.action.name
        self.health.answered(action)
        if self._gate.closed:
            self._open(action, self._now(), entry.sent_at)

    def _open(self, action: str, now: float, started: float) -> None:
        opened = self._gate.succeeded(action, now, started=started)
        for scope, reason in opened:
            self._watch.gate_opened(scope or "all", reason)
        if opened:
            self._wake_at(now)

    def failing(
        self,
        entry: Prepared,
        reason: str,
        answer: Answer,
        *,
        everywhere: bool,
        remedy: str | None = None,
        after: int = OUTAGE_AFTER,
    ) -> None:
        """A request failed by the world's fault; the gate closes after that many in a row."""
        action = entry.call.action.name
        in_a_row = self.health.failed(action)
        if in_a_row < after and self.open_for(action):
            return
        scope = None if everywhere else action
        closed = self._gate.close(
            reason, scope, self._now(), answer.retry_after, started=entry.sent_at
        )
        if closed:
            self._watch.gate_closed(scope or "all", reason, answer, remedy)
            # A kill during an outage must not make every waiting record unknown.
            self._workload.release_kept(scope)
