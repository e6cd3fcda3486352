"""envelope -> route: what an event may become is decided by the owners' table, never by the event."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.contracts.contract import Contract, Route
from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.headers import quoted


def find_contract(topic: str, by_topic: Mapping[str, Contract]) -> Contract:
    """The topic's contract.

    Raises:
        Rejected: `unknown_type`, for a letter from a topic that no longer has a contract.
    """
    contract = by_topic.get(topic)
    if contract is None:
        raise Rejected("unknown_type", f"topic {topic} has no contract", stage="route")
    return contract


def find_route(envelope: Envelope, routes: Mapping[str, Route]) -> Route:
    """The route of the event's type. Types are compared exactly.

    Raises:
        Rejected: `unknown_type`.
    """
    route = routes.get(envelope.type)
    if route is None:
        raise Rejected(
            "unknown_type",
            f"type {quoted(envelope.type)} has no route on this topic",
            stage="route",
        )
    return route
