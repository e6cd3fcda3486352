"""A contract is a table: event type -> what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from consumer.contracts import Contract, Event, Ignored, Meta, ask, constant, ignore
from consumer.contracts.type_from import CloudEvents, Constant
from consumer.model import Lookup, Repeat
from tests.contracts.domain import OPENED, Close, Closed, Create, Opened


def create(event: Opened) -> Create:
    return Create(ticket_id=event.ticket_id)


def looked_up(**arguments: Any) -> Lookup:
    contract = Contract("tickets")
    contract.on("opened", Opened, repeat=ask("Ticket", **arguments))(create)
    asked = contract.routes["opened"].ask
    assert asked is not None
    return asked.lookup(OPENED)


def test_a_route_says_what_was_declared() -> None:
    contract = Contract("tickets", sources=["/a", "/b"])

    contract.on("opened", Opened, order_by="ticket_id", repeat="create")(create)

    route = contract.routes["opened"]
    assert repr(contract) == "Contract('tickets')"
    assert (contract.topic, contract.sources) == ("tickets", frozenset({"/a", "/b"}))
    assert contract.type_from == CloudEvents()
    assert (route.event_type, route.model, route.repeat) == ("opened", Opened, Repeat.CREATE)
    assert (route.actions, route.several, route.meta_name) == ((Create,), False, None)
    assert route.order is not None
    assert (route.order(OPENED), route.order_by) == ("T-1", "ticket_id")


def test_repeat_is_never_and_order_is_the_keys_unless_said_otherwise() -> None:
    contract = Contract("tickets")

    contract.on("opened", Opened)(create)

    assert contract.routes["opened"].repeat is Repeat.NEVER
    assert contract.routes["opened"].order is None


def test_order_may_be_a_function_of_the_event_and_says_its_name() -> None:
    contract = Contract("tickets")

    def by_first_letter(event: Opened) -> str:
        return event.ticket_id[0]

    contract.on("opened", Opened, order_by=by_first_letter)(create)
    contract.on("again", Opened, order_by=partial(str.format, "{0.title}"))(create)

    route, again = contract.routes.values()
    assert route.order is not None
    assert (route.order(OPENED), route.order_by) == ("T", "by_first_letter")
    assert again.order is not None
    assert (again.order(OPENED), again.order_by) == ("x", "partial")


def test_the_function_is_returned_unchanged_and_on_stacks() -> None:
    """One function may map several types, of several classes."""
    contract = Contract("tickets")

    def close(event: Opened | Closed) -> Close:
        return Close(ticket_id=event.ticket_id)

    returned = contract.on("closed", Closed)(contract.on("opened", Opened)(close))

    assert returned is close
    assert [route.function for route in contract.routes.values()] == [close, close]
    assert [route.model for route in contract.routes.values()] == [Opened, Closed]


def test_the_routes_cannot_be_changed_behind_the_contracts_back() -> None:
    contract = Contract("tickets")

    with pytest.raises(TypeError):
        contract.routes["opened"] = None  # type: ignore[index]  # that it is read-only is what is tested


def test_a_base_class_of_the_event_is_enough() -> None:
    contract = Contract("tickets")

    def any_event(event: Event) -> Ignored:
        return ignore("not needed")

    contract.on("opened", Opened)(any_event)

    assert contract.routes["opened"].actions == ()


def test_meta_is_given_under_whatever_name_it_has() -> None:
    contract = Contract("tickets")

    def one(event: Opened, about: Meta) -> Create:
        return Create(ticket_id=about.id)

    def other(event: Opened, *, record: Meta) -> Create:
        return Create(ticket_id=record.id)

    contract.on("one", Opened)(one)
    contract.on("other", Opened)(other)

    assert [route.meta_name for route in contract.routes.values()] == ["about", "record"]


def test_meta_is_a_value() -> None:
    meta = Meta("1", "t", "topic", 0, 7, -1, time=datetime(2026, 1, 1, tzinfo=UTC))

    assert meta == Meta("1", "t", "topic", 0, 7, -1, time=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(AttributeError):
        meta.id = "2"  # type: ignore[misc]  # that it is frozen is what is tested


def as_list(event: Opened) -> list[Create]:
    return [create(event)]


def as_pair(event: Opened) -> tuple[Create, Close]:
    return create(event), Close(ticket_id=event.ticket_id)


def as_sequence_or_ignored(event: Opened) -> Sequence[Create | Close] | Ignored:
    return ignore("no")


def one_of_two(event: Opened) -> Create | Close:
    return create(event)


@pytest.mark.parametrize(
    ("function", "actions", "several"),
    [
        (create, (Create,), False),
        (as_list, (Create,), True),
        (as_pair, (Create, Close), True),
        (as_sequence_or_ignored, (Create, Close), True),
        (one_of_two, (Create, Close), False),
    ],
)
def test_the_return_annotation_says_which_actions_and_whether_several(
    function: Callable[[Opened], Any], actions: tuple[type, ...], *, several: bool
) -> None:
    contract = Contract("tickets")

    contract.on("opened", Opened, repeat="safe")(function)

    route = contract.routes["opened"]
    assert (route.actions, route.several) == (actions, several)


def test_a_constant_type_needs_no_envelope() -> None:
    contract = Contract("tickets", type_from=constant("opened"))

    contract.on("opened", Opened)(create)

    assert contract.type_from == Constant("opened")


def test_ask_gets_the_object_by_a_field_or_a_function_of_the_event() -> None:
    by_field = looked_up(key="ticket_id")
    by_function = looked_up(key=lambda event: event.title * 2)

    assert (by_field.object_type, by_field.key, by_field.where) == ("Ticket", "T-1", None)
    assert by_function.key == "xx"


def test_ask_searches_by_property_values() -> None:
    search = looked_up(
        where={"eventId": "ticket_id", "at": lambda _: datetime(2026, 1, 1, tzinfo=UTC)}
    )

    assert search.key is None
    assert search.where == {"eventId": "T-1", "at": "2026-01-01T00:00:00Z"}


def test_ask_takes_an_object_that_exists_as_applied_unless_told_otherwise() -> None:
    plain = looked_up(key="ticket_id")
    told = looked_up(key="ticket_id", applied=lambda obj, event: obj == {"title": event.title})

    assert [plain.applied({}), plain.applied(None)] == [True, False]
    assert [told.applied({"title": "x"}), told.applied({"title": "y"})] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"key": "tags"}, TypeError),
        ({"key": lambda _: True}, TypeError),
        ({"key": lambda _: ""}, ValueError),
        ({"key": lambda _: ".."}, ValueError),
        ({"where": {"tags": "tags"}}, ValueError),
    ],
)
def test_ask_raises_rather_than_read_another_object(
    arguments: dict[str, Any], error: type[Exception]
) -> None:
    """A search for nothing would find any object, and take it for this one."""
    with pytest.raises(error):
        looked_up(**arguments)
