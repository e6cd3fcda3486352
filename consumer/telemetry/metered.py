"""Measures requests: their size, their duration, and how many are in flight."""

from __future__ import annotations

from http import HTTPStatus

from consumer.model import Lookup, Request
from consumer.outcomes import LookupOutcome, Outage, Outcome, Withheld
from consumer.ports import Actions
from consumer.telemetry.sums import Distribution, Sums


class MeteredActions:
    """Counts the requests in flight, and the actions in those that were sent."""

    def __init__(self, inner: Actions, sums: Sums) -> None:
        self._inner = inner
        self._sizes = sums.distribution("batch_size")
        self.in_flight = 0

    async def send(self, request: Request) -> Outcome:
        self.in_flight += 1
        try:
            outcome = await self._inner.send(request)
        finally:
            self.in_flight -= 1
        if _sent(outcome) and not request.validate_only:
            self._sizes.observe(len(request.parameters))
        return outcome

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        self.in_flight += 1
        try:
            return await self._inner.look_up(lookup)
        finally:
            self.in_flight -= 1


def _sent(outcome: Outcome) -> bool:
    """False without a connection or a token. A 401 to the action itself looks like one from the token endpoint."""
    if type(outcome) is Outage:
        return outcome.answer.status is not None and outcome.gate != "token"
    return type(outcome) is not Withheld


class RequestDurations:
    """Takes the Foundry edge's report of each HTTP request (`consumer.foundry.timing.Told`)."""

    def __init__(self, sums: Sums, address: str, port: int) -> None:
        self._sums = sums
        self._server = address, str(port)
        self._known: dict[tuple[str, int | None, str | None], Distribution] = {}
        self._series("POST", HTTPStatus.OK, None)

    def __call__(
        self, method: str, seconds: float, status: int | None, failure: str | None
    ) -> None:
        series = self._known.get((method, status, failure))
        if series is None:
            series = self._series(method, status, failure)
        series.observe(seconds)

    def _series(self, method: str, status: int | None, failure: str | None) -> Distribution:
        if failure is None and status is not None and status >= HTTPStatus.BAD_REQUEST:
            error_type = str(int(status))
        else:
            error_type = failure or ""
        labels = (method, *self._server, "" if status is None else str(int(status)), error_type)
        found = self._sums.distribution("http_client_request_duration_seconds", labels)
        self._known[method, status, failure] = found
        return found
