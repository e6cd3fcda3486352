"""What a mapping gives is what is sent: no class of an owner's is a way round that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

import pytest
from pydantic import (
    AllowInfNan,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    computed_field,
    create_model,
)
from typing_extensions import TypeAliasType, TypedDict

from consumer.contracts import Action, ContractError, Struct


def test_a_nested_model_that_is_no_struct_is_refused() -> None:
    """Pydantic writes a model as its own class says: a plain one would not be in UTC."""

    class Period(BaseModel):
        since: datetime

    with pytest.raises(ContractError, match=r"field 'period' of Uses holds Period.*from Struct"):

        class Uses(Action, api_name="uses"):
            period: Period


def test_a_dataclass_is_refused_too() -> None:
    """It is written as it stands: not in UTC, and not even looked at."""

    @dataclass
    class Period:
        since: datetime

    with pytest.raises(ContractError, match=r"field 'period' of Uses holds Period.*from Struct"):
        create_model("Uses", __base__=Action, __cls_kwargs__={"api_name": "uses"}, period=Period)


class Period(TypedDict):
    since: datetime
    price: Decimal
    count: int


class Pair(NamedTuple):
    since: datetime
    price: Decimal


At = TypeAliasType("At", datetime)
Price = TypeAliasType("Price", Decimal)


def test_what_has_a_name_of_its_own_is_written_as_the_wire_wants_too() -> None:
    class Kept(Action, api_name="kept"):
        period: Period
        pair: Pair
        at: At
        prices: list[Price]

    noon, price = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2))), Decimal("1E+5")

    kept = Kept(
        period={"since": noon, "price": price, "count": 1},
        pair=Pair(noon, price),
        at=noon,
        prices=[price],
    )

    utc = "2026-07-01T10:00:00Z"
    assert json.loads(kept.call().parameters) == {
        "period": {"since": utc, "price": "100000", "count": 1},
        "pair": [utc, "100000"],
        "at": utc,
        "prices": ["100000"],
    }
    with pytest.raises(ValidationError, match="less than 2147483648"):
        kept.__class__(
            period={"since": noon, "price": price, "count": 2**31},
            pair=kept.pair,
            at=noon,
            prices=[],
        )


@pytest.mark.parametrize(
    "laxer",
    [
        {"strict": False},
        {"frozen": False},
        {"extra": "allow"},
        {"extra": "ignore"},
        {"allow_inf_nan": True},
    ],
    ids=str,
)
def test_parameters_cannot_be_made_laxer_by_their_config(laxer: ConfigDict) -> None:
    """What is not finite would be sent as null, which clears; a misspelled field would be dropped."""
    (name,) = laxer
    says = rf"test_laxer_parameters\.py:\d+: class Lax has {name}=.* leave it out"

    with pytest.raises(ContractError, match=says):

        class Lax(Action, api_name="lax"):
            model_config = laxer

    with pytest.raises(ContractError, match=says):

        class Lax(Struct):  # type: ignore[no-redef]  # neither comes to be
            model_config = laxer


def test_what_is_not_finite_is_refused_though_a_field_allows_it() -> None:
    """JSON has no number for it: pydantic writes null, which clears."""

    class Measured(Action, api_name="measured"):
        value: Annotated[float, AllowInfNan()]

    with pytest.raises(ValidationError, match="finite"):
        Measured(value=float("nan"))


def test_what_is_not_finite_clears_nothing_though_a_field_takes_anything() -> None:
    class Noted(Action, api_name="noted"):
        value: Any

    assert Noted(value=float("nan")).call().parameters == b'{"value":"NaN"}'


def test_a_computed_field_under_anothers_name_is_refused() -> None:
    with pytest.raises(ContractError, match="'one' and 'two' of Wrong are both written as 'id'"):

        class Wrong(Action, api_name="wrong"):
            one: str = Field(serialization_alias="id")

            @computed_field(alias="id")  # type: ignore[prop-decorator]  # mypy knows no decorated property
            @property
            def two(self) -> str:
                return self.one
