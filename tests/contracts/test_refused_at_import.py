"""A contract that is written wrongly does not come up: the message names file, line, name and remedy."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from typing_extensions import TypeAliasType

from consumer.contracts import (
    Action,
    Contract,
    ContractError,
    Event,
    Ignored,
    Meta,
    ask,
    cloudevents,
    constant,
    field,
    header,
    ignore,
)
from tests.contracts.domain import Closed, Create, Opened

if TYPE_CHECKING:
    from tests.contracts.domain import Close


def fine(event: Opened) -> Create: ...  # type: ignore[empty-body]  # only its annotations are read here
def no_return(event: Opened): ...  # type: ignore[no-untyped-def]  # refused for that
def no_parameter() -> Create: ...  # type: ignore[empty-body]  # as above
def not_annotated(event) -> Create: ...  # type: ignore[no-untyped-def,empty-body]  # refused for that
def of_another_event(event: Closed) -> Create: ...  # type: ignore[empty-body]  # as above
def only_by_keyword(*, event: Opened) -> Create: ...  # type: ignore[empty-body]  # as above
def with_more(event: Opened, attempt: int = 0) -> Create: ...  # type: ignore[empty-body]  # as above
def with_two_metas(event: Opened, a: Meta, b: Meta) -> Create: ...  # type: ignore[empty-body]  # as above
def returns_none(event: Opened) -> Create | None: ...
def returns_number(event: Opened) -> int: ...  # type: ignore[empty-body]  # as above
def returns_any_action(event: Opened) -> Action: ...  # type: ignore[empty-body]  # as above
def returns_bare_list(event: Opened) -> list: ...  # type: ignore[type-arg,empty-body]  # refused for that
def returns_nested(event: Opened) -> list[list[Create]]: ...  # type: ignore[empty-body]  # as above
def returns_ignored_inside(event: Opened) -> list[Create | Ignored]: ...  # type: ignore[empty-body]  # as above
def returns_hidden(event: Opened) -> Close: ...  # type: ignore[empty-body]  # as above
def returns_several(event: Opened) -> list[Create]: ...  # type: ignore[empty-body]  # as above
async def waits(event: Opened) -> Create: ...  # type: ignore[empty-body]  # as above


def generates(event: Opened) -> Iterator[Create]:
    yield fine(event)


async def generates_slowly(event: Opened) -> AsyncIterator[Create]:
    yield fine(event)


class Called:
    def __call__(self, event: Opened) -> Create: ...  # type: ignore[empty-body]  # as above


class Exact(Event, unknown="forbid"):
    ticket_id: str


class Held(Event):
    tags: tuple[str, ...] = ()
    marks: tuple[list[str], ...] = ()
    inner: Held | None = None


class Holding(Event):
    held: Held
    pair: tuple[str, int]
    lists: tuple[list[str], ...]
    names: Names
    uid: UUID
    either: UUID | str


Names = TypeAliasType("Names", list[str])


class NoEvent(BaseModel):
    ticket_id: str


class Incomplete(Event):
    child: NotThere  # type: ignore[name-defined]  # noqa: F821 - that it is not there is what is tested


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (no_return, "does not say what it returns; annotate the action class"),
        (no_parameter, "takes no event; write (event: Opened) first"),
        (not_annotated, "its parameter 'event' is not annotated, but it is given Opened"),
        (of_another_event, "its parameter 'event' is Closed, but it is given Opened"),
        (only_by_keyword, "takes no event"),
        (with_more, "its parameter 'attempt' gets no value"),
        (with_two_metas, "its parameter 'a' gets no value"),
        (returns_none, "returns None, which is not an action"),
        (returns_number, "returns int, which is not an action"),
        (returns_any_action, "returns Action, which is not an action"),
        (returns_bare_list, "returns list, which is not an action"),
        (returns_nested, "returns list, which is not an action"),
        (returns_ignored_inside, "returns Ignored, which is not an action"),
        (returns_hidden, "its annotations cannot be read (name 'Close' is not defined)"),
        (returns_several, 'may return several actions, but repeat is "never"'),
        (waits, "a mapping must be a plain function"),
        (generates, "a mapping must be a plain function"),
        (generates_slowly, "a mapping must be a plain function"),
    ],
)
def test_a_function_that_is_no_mapping_is_refused(function: Callable[..., Any], says: str) -> None:
    on = Contract("tickets").on("opened", Opened)

    with pytest.raises(ContractError) as refused:
        on(function)

    line = function.__code__.co_firstlineno
    assert str(refused.value).startswith(f"{__file__}:{line}: {function.__qualname__}: {says}")


@pytest.mark.parametrize("function", [Called(), len, Create])
def test_what_is_no_function_of_the_owners_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ContractError, match="a mapping must be a plain function"):
        Contract("tickets").on("opened", Opened)(function)


def on(event_type: str = "opened", model: Any = Opened, **arguments: Any) -> object:
    return Contract("tickets").on(event_type, model, **arguments)(fine)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            lambda: on(order_by="ticketId"),
            "order_by='ticketId' is not a field of Opened; its fields are",
        ),
        (lambda: on(order_by=7), "order_by=7 is not a field of Opened"),
        (lambda: on(order_by=["ticket_id"]), "order_by=['ticket_id'] is not a field of Opened"),
        (lambda: on(order_by="tags"), "order_by='tags' is a field whose values cannot be compared"),
        (lambda: on(repeat="sometimes"), "'opened' has repeat='sometimes'; write \"safe\""),
        (lambda: on(repeat="ask"), "'opened' has repeat='ask'; write \"safe\""),
        (lambda: on(repeat=ask("Ticket", key="id")), "key='id' is not a field of Opened"),
        (
            lambda: on(repeat=ask("T", where={"a": "id"})),
            "where['a']='id' is not a field of Opened",
        ),
        (lambda: on(repeat=ask("Ticket", key=["a"])), "key=['a'] is not a field of Opened"),  # type: ignore[arg-type]  # refused for that
        (lambda: ask("T", where={1: "ticket_id"}), "has no search condition"),  # type: ignore[dict-item]  # as above
        (lambda: ask("Ticket"), "ask('Ticket') needs one of key and where"),
        (lambda: ask("T", key="a", where={"a": "b"}), "ask('T') needs one of key and where"),
        (lambda: ask("T", where={}), "ask('T') has no search condition"),
        (lambda: ask("T", where="ticket_id"), "has no search condition; write where={"),  # type: ignore[arg-type]  # refused for that
        (
            lambda: ask("T", key="ticket_id", applied=True),  # type: ignore[arg-type]  # as above
            "has applied=True, which is not a function",
        ),
        (lambda: ask("", key="ticket_id"), "ask('') names no object type"),
        (lambda: on(event_type=""), "tickets: '' is not an event type"),
        (
            lambda: on(model=NoEvent),
            "is given <class 'tests.contracts.test_refused_at_import.NoEvent'>",
        ),
        (lambda: on(model=Event), "which is not an event class"),
        (lambda: on(model=Incomplete), "event class Incomplete is not complete"),
        (lambda: Contract(""), "'' is not a topic name"),
        (lambda: Contract("a topic"), "'a topic' is not a topic name"),
        (lambda: Contract(".."), "'..' is not a topic name"),
        (lambda: Contract("t" * 250), "is not a topic name"),
        (lambda: Contract("t", sources="/a"), "t: sources='/a' is not a list of sources"),
        (lambda: Contract("t", sources=7), "t: sources=7 is not a list of sources"),  # type: ignore[arg-type]  # refused for that
        (lambda: Contract("t", sources=[]), "t: sources=[] is not a list of sources"),
        (lambda: Contract("t", sources=[""]), "t: sources=[''] is not a list of sources"),
        (
            lambda: Contract("t", sources=["/a"], type_from=header("type")),
            "but the type is found by Header",
        ),
        (
            lambda: Contract("t", sources=["/a"], type_from=field("type")),
            "but the type is found by Field_",
        ),
        (
            lambda: Contract("t", sources=["/a"], type_from=constant("a")),
            "but the type is found by Constant",
        ),
        (lambda: Contract("t", type_from=constant("a")).on("b", Opened), "all its records are 'a'"),
        (
            lambda: Contract("t", type_from=field("kind")).on("a", Exact),
            "Exact refuses unknown fields, and has no field 'kind'",
        ),
        (lambda: Contract("t", type_from="kind"), "t: type_from='kind' is not a rule"),  # type: ignore[arg-type]  # refused for that
        (lambda: Contract("t", type_from=cloudevents), "is not a rule for finding the type"),  # type: ignore[arg-type]  # as above
        (lambda: header(""), "header('') names nothing"),
        (lambda: field(""), "field('') names nothing"),
        (lambda: constant(""), "constant('') names nothing"),
        (lambda: ignore(""), "ignore() gives no reason"),
        (lambda: ignore(" "), "ignore() gives no reason; write ignore"),
    ],
)
def test_a_wrong_declaration_is_refused(wrong: Callable[[], object], says: str) -> None:
    with pytest.raises(ContractError) as refused:
        wrong()

    assert says in str(refused.value)
    assert re.match(rf"{re.escape(__file__)}:\d+: ", str(refused.value))
    assert "; " in str(refused.value)  # what it is; what to do


def holds(event: Holding) -> Create: ...  # type: ignore[empty-body]  # only its annotations are read here


@pytest.mark.parametrize("field", ["held", "lists", "names"])
def test_an_order_that_could_never_be_kept_is_refused(field: str) -> None:
    """Each event would be a letter: what it holds has no hash."""
    with pytest.raises(ContractError, match=f"order_by='{field}' is a field whose values cannot"):
        Contract("t").on("a", Holding, order_by=field)(holds)

    for kept in ("pair", "uid"):
        Contract("t").on("a", Holding, order_by=kept)(holds)


@pytest.mark.parametrize("field", ["uid", "held"])
def test_a_key_that_no_object_could_have_is_refused(field: str) -> None:
    with pytest.raises(
        ContractError, match=f"key='{field}' is a field whose values are no primary"
    ):
        Contract("t").on("a", Holding, repeat=ask("Ticket", key=field))(holds)

    for fit in ("either", lambda event: str(event.uid)):
        Contract("t").on("a", Holding, repeat=ask("Ticket", key=fit))(holds)


def test_two_functions_for_one_type_are_refused_and_both_are_named() -> None:
    contract = Contract("tickets")
    contract.on("opened", Opened)(fine)

    def again(event: Opened) -> Create:
        return fine(event)

    with pytest.raises(ContractError) as refused:
        contract.on("opened", Opened)(again)

    assert "again: 'opened' on tickets is already mapped, by fine at" in str(refused.value)
    assert contract.routes["opened"].function is fine


def test_several_actions_are_refused_where_a_claim_is_needed() -> None:
    """A claim stands for one request: the second action's outcome could not be told from the first's."""
    claimed: list[Any] = ["never", ask("Ticket", key="ticket_id")]
    for repeat in claimed:
        with pytest.raises(ContractError, match='or make the route "safe" or "create"'):
            Contract("tickets").on("opened", Opened, repeat=repeat)(returns_several)

    Contract("tickets").on("opened", Opened, repeat="safe")(returns_several)
    Contract("tickets").on("opened", Opened, repeat="create")(returns_several)
