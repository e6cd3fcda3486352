"""What a mapping gives is what is sent: no class of an owner's is a way round that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

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
