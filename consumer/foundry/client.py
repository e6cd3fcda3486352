"""Sends actions to Foundry: `consumer.ports.Actions` over its REST API v2."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import assert_never

from yarl import URL

from consumer.foundry.answers import Reply
from consumer.foundry.classify import Sent, classify
from consumer.foundry.config import FoundryConfig, endpoint
from consumer.foundry.exchange import Exchange, Lost
from consumer.foundry.lookups import Lookups
from consumer.model import ActionType, Lookup, Repeat, Request
from consumer.outcomes import Answer, Applied, LookupOutcome, Outage, Outcome, Unknown, Withheld

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE = re.compile(r"[ -~]{1,512}")


class FoundryActions:
    """The actions of one ontology, submitted as the service user. Neither method raises for anything the network does."""

    def __init__(
        self, config: FoundryConfig, exchange: Exchange, *, wall: Callable[[], float] = time.time
    ) -> None:
        self._base = config.hostname
        self._ontology = config.ontology
        self._exchange = exchange
        self._wall = wall
        self._lookups = Lookups(config, exchange, wall=wall)
        self._urls: dict[tuple[str, str], URL] = {}
        """One for each action type and endpoint. Bounded, as action types come from the contracts, never from an event."""

    async def send(self, request: Request) -> Outcome:
        """Submit the request once. It is sent again only after a 401, or if its connection turns out to be closed.

        Raises:
            Exception: what `request.may_send` raises.
        """
        if not request.may_send():
            return Withheld()
        action = request.action
        batched = action.batched and not request.validate_only
        reply = await self._exchange.post(
            self._url(action, batched=batched),
            encode(request.parameters, batched=batched, validate_only=request.validate_only),
            request.may_send,
            trace_headers(request),
        )
        outcome = self._judge(request, reply, batched=batched)
        if request.validate_only and isinstance(outcome, Unknown):
            # A validation executes nothing, so its outcome cannot be unknown.
            gate = outcome.gate or "failing"
            return Outage(outcome.answer, gate, outcome.everywhere, outcome.remedy)
        return outcome

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        """Read back what `ask` wants to know."""
        return await self._lookups.look_up(lookup)

    def _judge(
        self, request: Request, reply: Reply | Outage | Withheld | Lost, *, batched: bool
    ) -> Outcome:
        match reply:
            case Reply():
                entries = request.entries
                repeat = entries[0].repeat if entries else Repeat.NEVER
                sent = Sent(batched, len(request.parameters), repeat)
                return classify(reply, sent, self._wall())
            case Lost(head=Reply() as head) if batched and head.succeeded and head.json_typed:
                return Applied()  # for a batch the status says it all, as in `classify`
            case Lost(cause):
                return Unknown(Answer(cause.name, cause.detail), gate="timeouts")
            case Outage() | Withheld():
                return reply
            case unreachable:
                assert_never(unreachable)

    def _url(self, action: ActionType, *, batched: bool) -> URL:
        verb = "applyBatch" if batched else "apply"
        url = self._urls.get((action.name, verb))
        if url is None:
            url = self._urls[action.name, verb] = endpoint(
                self._base, "api", "v2", "ontologies", self._ontology, "actions", action.name, verb
            )
        return url


def encode(parameters: Sequence[bytes], *, batched: bool, validate_only: bool) -> bytes:
    """The request's body, put together from the parameters' JSON texts.

    Raises:
        ValueError: several actions where the endpoint takes one.
    """
    if batched:
        return b'{"requests":[{"parameters":%b}]}' % b'},{"parameters":'.join(parameters)
    if len(parameters) != 1:
        raise ValueError(f"{len(parameters)} actions in a request that takes one")
    if validate_only:
        return b'{"parameters":%b,"options":{"mode":"VALIDATE_ONLY"}}' % parameters[0]
    return b'{"parameters":%b}' % parameters[0]


def trace_headers(request: Request) -> dict[str, str] | None:
    """Headers with the request's trace, if that is well formed: a line end in a header would raise."""
    parent = request.traceparent
    if parent is None or not _TRACEPARENT.fullmatch(parent):
        return None
    state = request.tracestate
    if state is None or not _TRACESTATE.fullmatch(state):
        return {"traceparent": parent}
    return {"traceparent": parent, "tracestate": state}
