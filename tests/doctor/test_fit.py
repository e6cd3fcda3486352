"""A typed action and the action type: every parameter that does not fit is named, before the first record."""

from __future__ import annotations

from typing import Any

import pytest

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
