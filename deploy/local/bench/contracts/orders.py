"""Orders of a shop: five event types that differ in nothing but what a second apply would do."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from consumer.contracts import Action, Contract, Event, ObjectKey, Timestamp, ask

TOPIC = "bench.orders"
SOURCE = "/bench"


class OrderPlaced(Event):
    """A customer placed an order."""

    order_id: str = Field(pattern=r"^O-[0-9]+$")
    sequence: int = Field(ge=0)
    customer: str = Field(min_length=1, max_length=100)
    status: Literal["open", "paid", "shipped"]
    quantity: int = Field(ge=1, le=10_000)
    amount: float = Field(ge=0)
    placed_at: AwareDatetime
    note: str | None = Field(default=None, max_length=500)


class SetOrder(Action, api_name="set-order"):
    """Set what is known of an order; sent in batches."""

    order: ObjectKey = Field(serialization_alias="order")
    sequence: int = Field(serialization_alias="sequence")
    customer: str = Field(serialization_alias="customer")
    status: str = Field(serialization_alias="status")
    quantity: int = Field(serialization_alias="quantity")
    amount: float = Field(serialization_alias="amount")
    placed_at: Timestamp = Field(serialization_alias="placedAt")
    note: str | None = Field(default=None, serialization_alias="note")


class SetOrderAlone(Action, api_name="set-order-alone", batch=1):
    """The same, each in a request of its own."""

    order: ObjectKey = Field(serialization_alias="order")
    sequence: int = Field(serialization_alias="sequence")
    customer: str = Field(serialization_alias="customer")
    status: str = Field(serialization_alias="status")
    quantity: int = Field(serialization_alias="quantity")
    amount: float = Field(serialization_alias="amount")
    placed_at: Timestamp = Field(serialization_alias="placedAt")
    note: str | None = Field(default=None, serialization_alias="note")


orders = Contract(TOPIC, sources=[SOURCE])


@orders.on("com.example.order.safe.v1", OrderPlaced, order_by="order_id", repeat="safe")
@orders.on("com.example.order.create.v1", OrderPlaced, order_by="order_id", repeat="create")
@orders.on("com.example.order.never.v1", OrderPlaced, order_by="order_id", repeat="never")
@orders.on(
    "com.example.order.ask.v1",
    OrderPlaced,
    order_by="order_id",
    repeat=ask("Order", key="order_id"),
)
def set_order(event: OrderPlaced) -> SetOrder:
    return SetOrder(
        order=event.order_id,
        sequence=event.sequence,
        customer=event.customer,
        status=event.status,
        quantity=event.quantity,
        amount=event.amount,
        placed_at=event.placed_at,
        note=event.note,
    )


@orders.on("com.example.order.alone.v1", OrderPlaced, order_by="order_id", repeat="safe")
def set_order_alone(event: OrderPlaced) -> SetOrderAlone:
    return SetOrderAlone(
        order=event.order_id,
        sequence=event.sequence,
        customer=event.customer,
        status=event.status,
        quantity=event.quantity,
        amount=event.amount,
        placed_at=event.placed_at,
        note=event.note,
    )
