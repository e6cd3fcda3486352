"""What is consumed, for those who publish it: a table of contracts, and the JSON Schema of an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.errors import PydanticUserError

from consumer.contracts import Contracts, Event
from consumer.errors import ContractError

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of `contracts ls`."""

    topic: str
    """Its name on the broker."""
    type: str
    model: str
    repeat: str
    order_by: str | None
    """None: the Kafka key."""
    actions: Sequence[str]
    sources: Sequence[str] | None
    """None: all."""


def rows(contracts: Contracts) -> Sequence[Row]:
    """Every event type of every topic, sorted."""
    found = [
        Row(
            topic=topic,
            type=route.event_type,
            model=route.model.__name__,
            repeat=route.repeat.value,
            order_by=route.order_by,
            actions=[action.action_type.name for action in route.actions],
            sources=None if contract.sources is None else sorted(contract.sources),
        )
        for topic, contract in contracts.by_topic.items()
        for route in contract.routes.values()
    ]
    return sorted(found, key=lambda row: (row.topic, row.type))


def schema(contracts: Contracts, event_type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event type: what a publisher has to send.

    Raises:
        ContractError: no contract has the type, or two topics give it different models.
    """
    models = {
        contract.routes[event_type].model: topic
        for topic, contract in contracts.by_topic.items()
        if event_type in contract.routes
    }
    if not models:
        known = ", ".join(row.type for row in rows(contracts))
        raise ContractError(f"no contract has the event type {event_type!r}; there are: {known}")
    if len(models) > 1:
        topics = ", ".join(sorted(models.values()))
        raise ContractError(
            f"{event_type!r} has different models on {topics}; give each a type of its own"
        )
    return model_schema(next(iter(models)))


def model_schema(model: type[Event]) -> dict[str, Any]:
    """The JSON Schema of one event class.

    Raises:
        ContractError: a field has no JSON Schema.
    """
    try:
        return {"$schema": JSON_SCHEMA, **model.model_json_schema()}
    except PydanticUserError as error:
        raise ContractError(
            f"{model.__name__} has no JSON Schema ({error.message.splitlines()[0]});"
            " give the field another type, or annotate it with pydantic.WithJsonSchema"
        ) from error
