"""How each action type fares: failures in a row, and when it last succeeded."""

from __future__ import annotations

from consumer.model import Prepared


class Health:
    """Tells an ill record from an ill world: the world is well while others of the type succeed."""

    def __init__(self) -> None:
        self._in_a_row: dict[str, int] = {}
        self._succeeded: dict[str, float] = {}

    def succeeded(self, action: str, now: float) -> None:
        """An action of this type took effect."""
        self._succeeded[action] = now
        self._in_a_row[action] = 0

    def answered(self, action: str) -> None:
        """Foundry dealt with a request of this type, though it did not apply it."""
        self._in_a_row[action] = 0

    def failed(self, action: str) -> int:
        """A request of this type failed by the world's fault: how many did so in a row."""
        self._in_a_row[action] = self._in_a_row.get(action, 0) + 1
        return self._in_a_row[action]

    def charge(self, entry: Prepared, now: float, *, always: bool = False) -> int:
        """Count a failure against the record, and return how many are.

        While nothing of its type succeeds it is an outage, and not counted, unless `always`.
        """
        entry.attempts += 1
        succeeded = self._succeeded.get(entry.call.action.name)
        others_fare_well = succeeded is not None and succeeded >= entry.failed_at
        if always or entry.attempts == 1 or others_fare_well:
            entry.charged += 1
        entry.failed_at = now
        return entry.charged
