"""An action class names its action type, and how many go into one request."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from consumer.contracts import Action, ContractError
from consumer.model import ActionType, Call


class Close(Action, api_name="close-ticket"):
    ticket: str


class Page(Action, api_name="pageOnCall", batch=1):
    ticket: str = Field(serialization_alias="ticketId")


def test_a_call_carries_the_action_type_and_the_parameters_as_json() -> None:
    assert Close(ticket="T-1").call() == Call(
        ActionType("close-ticket", batch=20), b'{"ticket":"T-1"}'
    )
    assert Page(ticket="T-1").call() == Call(
        ActionType("pageOnCall", batch=1), b'{"ticketId":"T-1"}'
    )


def test_only_batch_one_is_sent_alone() -> None:
    assert Close.action_type.batched
    assert not Page.action_type.batched


def test_an_action_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Close(ticket="T-1").ticket = "T-2"  # type: ignore[misc]  # that it is frozen is what is tested


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Close",
        "1close",
        "close_ticket",
        "close ticket",
        "close/ticket",
        "a" * 101,
        "close\n",
        "clöse",
    ],
)
def test_an_impossible_api_name_is_refused(name: str) -> None:
    with pytest.raises(
        ContractError, match=r"test_actions\.py:\d+: action class Wrong has the API"
    ):

        class Wrong(Action, api_name=name):
            pass


@pytest.mark.parametrize("name", ["a", "closeTicket2", "a" * 100, "close-ticket"])
def test_a_possible_api_name_is_taken(name: str) -> None:
    class Right(Action, api_name=name):
        pass

    assert Right.action_type.name == name


def test_an_action_class_without_a_name_is_refused_even_below_a_named_one() -> None:
    with pytest.raises(ContractError, match="action class Wrong has no API name"):

        class Wrong(Close):
            pass


@pytest.mark.parametrize("batch", [0, -1, 10_001, True, "20", 1.0])
def test_an_impossible_batch_is_refused(batch: int) -> None:
    with pytest.raises(ContractError, match="action class Wrong has batch="):

        class Wrong(Action, api_name="wrong", batch=batch):
            pass


def test_a_parameter_may_be_called_what_a_field_may_not() -> None:
    with pytest.raises(ContractError, match="field named 'call'; write call_ with"):

        class Wrong(Action, api_name="wrong"):
            call: str  # type: ignore[assignment]  # what owners without mypy may write

    class Right(Action, api_name="right"):
        call_: str = Field(serialization_alias="call")

    assert Right(call_="x").call().parameters == b'{"call":"x"}'


def test_a_keyword_that_nobody_takes_is_refused() -> None:
    with pytest.raises(ContractError, match="Wrong is given bacth; its keywords are api_name and"):

        class Wrong(Action, api_name="wrong", bacth=1):
            pass


def test_two_fields_under_one_name_are_refused() -> None:
    """JSON that says a name twice means to each reader what it likes."""
    with pytest.raises(ContractError, match="'one' and 'ticketId' of Wrong are both written as"):

        class Wrong(Action, api_name="wrong"):
            one: str = Field(serialization_alias="ticketId")
            ticketId: str  # noqa: N815 - as an owner may write it


@pytest.mark.parametrize("given", [{"alias": "ticketId"}, {"validation_alias": "ticketId"}])
def test_a_field_that_could_not_be_given_by_its_name_is_refused(given: dict[str, str]) -> None:
    """Each mapping would raise, and each record become a letter."""
    with pytest.raises(ContractError, match=r"alias under which.*serialization_alias"):

        class Aliased(Action, api_name="a"):
            ticket: str = Field(**given)  # type: ignore[call-overload]  # that is the fault
