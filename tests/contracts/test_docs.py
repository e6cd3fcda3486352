"""What is consumed can be looked up by those who publish it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.contracts import Contract, ContractError, Contracts, Event, constant, load
from consumer.docs import JSON_SCHEMA, Row, model_schema, rows, schema
from tests.contracts.domain import Close, Closed, Create, Opened

SHIPPED = load("schemas", {"helpdesk.tickets": "prod.tickets"})


def test_a_row_says_all_that_was_declared_under_the_topics_own_name() -> None:
    found = {row.type: row for row in rows(SHIPPED)}

    assert found["com.example.ticket.closed.v1"] == Row(
        topic="prod.tickets",
        type="com.example.ticket.closed.v1",
        model="TicketClosed",
        repeat="safe",
        order_by="ticket_id",
        actions=["close-ticket", "set-equipment-status"],
        sources=["/helpdesk"],
    )
    assert found["fault"].sources is None


def test_rows_are_sorted() -> None:
    found = [(row.topic, row.type) for row in rows(SHIPPED)]

    assert found == sorted(found)
    assert len(found) == 8


def test_a_schema_names_its_dialect_its_title_and_what_happened() -> None:
    found = schema(SHIPPED, "com.example.ticket.opened.v1")

    assert found["$schema"] == JSON_SCHEMA
    assert found["title"] == "TicketOpened"
    assert found["description"] == "A customer opened a ticket."
    assert found["properties"]["ticket_id"]["pattern"] == "^T-[0-9]+$"
    assert found["additionalProperties"] is True


def test_an_unknown_type_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        ContractError, match=r"no contract has the event type 'x'; there are: fault"
    ):
        schema(SHIPPED, "x")


def test_one_type_on_two_topics_has_one_schema_only_if_the_models_agree() -> None:
    one, two = (Contract(name, type_from=constant("said")) for name in ("one", "two"))

    @one.on("said", Opened)
    def create(event: Opened) -> Create:
        return Create(ticket_id=event.ticket_id)

    @two.on("said", Closed)
    def close(event: Closed) -> Close:
        return Close(ticket_id=event.ticket_id)

    with pytest.raises(ContractError, match="'said' has different models on one, two"):
        schema(Contracts({"one": one, "two": two}, Path()), "said")
    assert schema(Contracts({"one": one, "again": one}, Path()), "said")["title"] == "Opened"


def test_an_event_without_a_schema_says_what_to_do() -> None:
    class Odd(Event):
        price: Callable[[int], int]

    with pytest.raises(ContractError, match=r"Odd has no JSON Schema .*; .*WithJsonSchema"):
        model_schema(Odd)
