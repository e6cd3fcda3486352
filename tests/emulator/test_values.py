from __future__ import annotations

from typing import Any

import pytest

from deploy.local.foundry import load_ontology
from tests.emulator.workshop import TYPES, WORKSHOP

MEASURE = load_ontology(WORKSHOP).action_type("measure")
POINT = {"type": "Point", "coordinates": [8.5, 47.4]}
MEDIA = {
    "mimeType": "image/png",
    "reference": {"type": "mediaSetViewItem", "mediaSetViewItem": {"mediaItemRid": "ri.x"}},
}
RID = "ri.attachments.main.attachment.1"

GOOD: list[tuple[str, Any]] = [
    ("aString", ""),
    ("anInteger", -(2**31)),
    ("anInteger", 2**31 - 1),
    ("aLong", "58319870951433"),
    ("aLong", str(-(2**63))),
    ("aLong", 5),
    ("aDouble", 1),
    ("aDouble", -0.5),
    ("aDecimal", "2.718281828"),
    ("aBoolean", False),
    ("aDate", "2024-02-29"),
    ("aTimestamp", "2021-01-04T05:00:00Z"),
    ("aTimestamp", "2021-01-04T05:00:00.123456789+02:00"),
    ("aMarking", "m"),
    ("anAttachment", RID),
    ("aPoint", POINT),
    ("aShape", {"type": "Polygon", "coordinates": []}),
    ("aVector", [1, 0.5]),
    ("aSeries", {"type": "seriesId", "seriesId": "s"}),
    ("aMedia", MEDIA),
    ("aSet", "ri.object-set.main.object-set.1"),
    ("aSet", {"type": "base", "objectType": "Part"}),
    ("aType", "Part"),
    ("anInterface", {"objectTypeApiName": "Part", "primaryKeyValue": 1}),
    ("aStruct", {"street": "High", "number": 1}),
    ("aStruct", {"street": "High", "number": None}),
    ("aList", ["1", "2"]),
    ("aList", []),
]
BAD: list[tuple[str, Any]] = [
    ("aString", 5),
    ("anInteger", 2**31),
    ("anInteger", 1.0),
    ("anInteger", "1"),
    ("anInteger", True),
    ("aLong", str(2**63)),
    ("aLong", "1.0"),
    ("aLong", " 1"),
    ("aLong", "\N{ARABIC-INDIC DIGIT ONE}"),
    ("aLong", 1.5),
    ("aDouble", "1.0"),
    ("aDouble", "NaN"),
    ("aDouble", True),
    ("aDecimal", 2.7),
    ("aDecimal", "two"),
    ("aBoolean", "true"),
    ("aBoolean", 1),
    ("aDate", "2023-02-29"),
    ("aDate", "2024-02-29T00:00:00Z"),
    ("aTimestamp", "2021-01-04T05:00:00"),
    ("aTimestamp", "2021-01-04 05:00:00Z"),
    ("aTimestamp", "2021-13-04T05:00:00Z"),
    ("aTimestamp", 1609736400),
    ("aMarking", 1),
    ("anAttachment", "attachment"),
    ("aPoint", {"lat": 1, "lon": 2}),
    ("aPoint", {"type": "Point", "coordinates": ["8", "47"]}),
    ("aShape", {"type": "Polygon"}),
    ("aVector", [1]),
    ("aVector", ["1", "2"]),
    ("aSeries", "s"),
    ("aMedia", {"mimeType": "image/png"}),
    ("aSet", "Part"),
    ("aType", 1),
    ("anInterface", "Part"),
    ("aStruct", {"number": 1}),
    ("aStruct", {"street": "High", "town": "X"}),
    ("aStruct", {"street": 1}),
    ("aList", "1"),
    ("aList", ["x"]),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_the_wire_encoding_is_accepted(name: str, value: Any) -> None:
    MEASURE.parameters[name].require_encoding(value)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_another_encoding_is_refused(name: str, value: Any) -> None:
    with pytest.raises(Exception, match="InvalidParameterValue"):
        MEASURE.parameters[name].require_encoding(value)


def test_every_type_has_good_and_bad_examples() -> None:
    assert {name for name, _ in GOOD} == {name for name, _ in BAD} == set(TYPES)


def test_an_object_is_referred_to_by_its_key_in_the_keys_own_type() -> None:
    scrap = load_ontology(WORKSHOP).action_type("scrap")

    scrap.parameters["part"].require_encoding(1)
    with pytest.raises(Exception, match="InvalidParameterValue"):
        scrap.parameters["part"].require_encoding("1")
