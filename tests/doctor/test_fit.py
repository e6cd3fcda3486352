"""A typed action and the action type: every parameter that does not fit is named, before the first record."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import ConfigDict, PlainSerializer

from consumer.contracts import Action
from consumer.doctor.fit import Misfit, misfits
from consumer.foundry.ontology import ActionTypeInfo, ParameterInfo
from tests.doctor.examining import changed, config, examined, levels, parameters

STRING: dict[str, Any] = {"type": "string"}


@pytest.mark.parametrize(
    ("given", "parameter", "level", "said"),
    [
        (parameters(region={"dataType": STRING, "required": True}), "region", "fail", "no such"),
        (parameters(title=None), "title", "fail", "no such parameter"),
        (
            parameters(title=None, headline={"dataType": STRING, "required": True}),
            "headline",
            "fail",
            "no such field",
        ),
        (
            parameters(title={"dataType": {"type": "integer"}, "required": True}),
            "title",
            "fail",
            "of type integer",
        ),
        (
            parameters(openedAt={"dataType": {"type": "date"}, "required": True}),
            "openedAt",
            "fail",
            "date-time",
        ),
        (
            parameters(title={"dataType": {"type": "array", "subType": STRING}, "required": True}),
            "title",
            "fail",
            "array",
        ),
        (
            parameters(equipment={"dataType": STRING, "required": True}),
            "equipment",
            "warn",
            "left out",
        ),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(
    given: dict[str, Any], parameter: str, level: str, said: str
) -> None:
    async with changed(parameters=given) as foundry:
        found = await examined(config(foundry.url))

    about = [f for f in found["action create-ticket"] if f.what.startswith(f"{parameter} ")]
    assert any(finding.level == level and said in finding.what for finding in about)
    assert all(finding.remedy for finding in about)


async def test_a_type_that_is_not_known_yet_is_let_pass() -> None:
    given = parameters(title={"dataType": {"type": "hologram"}, "required": True})
    async with changed(parameters=given) as foundry:
        found = await examined(config(foundry.url))

    assert levels(found)["action create-ticket"] == "ok"


class Colour:
    pass


class Paint(Action, api_name="paint"):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    colour: Annotated[Colour, PlainSerializer(lambda _: "red")]


class Name(Action, api_name="name"):
    name: str | None


def compared(action: type[Action], parameter: str) -> list[Misfit]:
    given = ParameterInfo(parameter, "string", required=True, data_type=STRING)
    found = ActionTypeInfo(action.action_type.name, "ri.a", "ACTIVE", (given,))
    return list(misfits(action, found))


def test_a_class_whose_fields_pydantic_cannot_describe_is_told_as_not_compared() -> None:
    """Of an owner's own type nobody knows how it is written: that ends no diagnosis."""
    (found,) = compared(Paint, "colour")

    assert found.level == "warn"
    assert found.what.startswith("were not compared: Paint has no JSON Schema (Cannot generate")
    assert "return type" in found.remedy


def test_a_required_parameter_that_may_be_cleared_is_named() -> None:
    """Null counts as not given: Foundry refuses it with the record."""
    (found,) = compared(Name, "name")

    assert (found.level, found.parameter) == ("warn", "name")
    assert "null" in found.what
