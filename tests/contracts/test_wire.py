"""Parameters are written in JSON as Foundry's actions want them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal as PythonDecimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, Field, PlainSerializer, ValidationError

from consumer.contracts import (
    Action,
    Attachment,
    Decimal,
    GeoPoint,
    GeoShape,
    Integer,
    InterfaceObject,
    Long,
    Marking,
    MediaReference,
    ObjectKey,
    ObjectSet,
    Struct,
    TimeSeries,
    TimeSeriesReference,
    TimeSeriesTemplate,
    Timestamp,
    Vector,
)

ZURICH = timezone(timedelta(hours=2))
NOON = datetime(2026, 7, 1, 12, tzinfo=ZURICH)


class Address(Struct):
    street: str
    house_number: int | None = Field(default=None, serialization_alias="houseNumber")
    since: Timestamp | None = None


class Everything(Action, api_name="everything"):
    text: str | None = None
    flag: bool | None = None
    integer: Integer | None = None
    bare_integer: int | None = Field(default=None, serialization_alias="bareInteger")
    long: Long | None = None
    double: float | None = None
    decimal: Decimal | None = None
    bare_decimal: PythonDecimal | None = None
    day: date | None = None
    at: Timestamp | None = None
    aware: AwareDatetime | None = None
    times: Sequence[datetime] | None = None
    by_name: dict[str, datetime] | None = None
    ticket: ObjectKey | None = None
    file: Attachment | None = None
    marking: Marking | None = None
    point: GeoPoint | None = None
    shape: GeoShape | None = None
    interface: InterfaceObject | None = None
    media: MediaReference | None = None
    series: TimeSeriesReference | None = None
    tickets: ObjectSet | None = None
    longs: list[Long] | None = None
    address: Address | None = None
    vector: Vector | None = None


def sent(**parameters: Any) -> Any:
    return json.loads(Everything(**parameters).call().parameters)


@pytest.mark.parametrize(
    ("parameters", "wire"),
    [
        ({"text": "ä"}, {"text": "ä"}),
        ({"flag": True}, {"flag": True}),
        ({"integer": -(2**31)}, {"integer": -(2**31)}),
        ({"bare_integer": 2**31 - 1}, {"bareInteger": 2**31 - 1}),
        ({"long": 2**63 - 1}, {"long": "9223372036854775807"}),
        ({"longs": [1, -(2**63)]}, {"longs": ["1", "-9223372036854775808"]}),
        ({"double": 1.5}, {"double": 1.5}),
        ({"decimal": PythonDecimal("1E+3")}, {"decimal": "1000"}),
        ({"bare_decimal": PythonDecimal("2.7180")}, {"bare_decimal": "2.7180"}),
        ({"day": date(2026, 7, 1)}, {"day": "2026-07-01"}),
        ({"at": NOON}, {"at": "2026-07-01T10:00:00Z"}),
        ({"aware": NOON}, {"aware": "2026-07-01T10:00:00Z"}),
        ({"times": [NOON]}, {"times": ["2026-07-01T10:00:00Z"]}),
        ({"by_name": {"a": NOON}}, {"by_name": {"a": "2026-07-01T10:00:00Z"}}),
        ({"ticket": "T-1"}, {"ticket": "T-1"}),
        ({"ticket": 7}, {"ticket": 7}),
        (
            {"file": "ri.attachments.main.attachment.x"},
            {"file": "ri.attachments.main.attachment.x"},
        ),
        ({"marking": "m"}, {"marking": "m"}),
        (
            {"point": GeoPoint(latitude=47.4, longitude=8.5)},
            {"point": {"type": "Point", "coordinates": [8.5, 47.4]}},
        ),
        (
            {"shape": {"type": "Point", "coordinates": [1]}},
            {"shape": {"type": "Point", "coordinates": [1]}},
        ),
        (
            {"interface": InterfaceObject(object_type="Employee", primary_key="E1")},
            {"interface": {"objectTypeApiName": "Employee", "primaryKeyValue": "E1"}},
        ),
        (
            {
                "media": MediaReference(
                    mime_type="image/png",
                    media_set_rid="ri.a",
                    media_set_view_rid="ri.b",
                    media_item_rid="ri.c",
                )
            },
            {
                "media": {
                    "mimeType": "image/png",
                    "reference": {
                        "type": "mediaSetViewItem",
                        "mediaSetViewItem": {
                            "mediaSetRid": "ri.a",
                            "mediaSetViewRid": "ri.b",
                            "mediaItemRid": "ri.c",
                        },
                    },
                }
            },
        ),
        ({"series": TimeSeries(series_id="s")}, {"series": {"type": "seriesId", "seriesId": "s"}}),
        (
            {"series": TimeSeries(series_id="s", sync_rid="ri.x")},
            {
                "series": {
                    "type": "qualifiedSeriesId",
                    "qualifiedSeriesId": {"seriesId": "s", "syncRid": "ri.x"},
                }
            },
        ),
        (
            {"series": TimeSeriesTemplate(template_rid="ri.t", template_version="1")},
            {
                "series": {
                    "type": "templateRid",
                    "templateRid": {"templateRid": "ri.t", "templateVersion": "1"},
                }
            },
        ),
        ({"tickets": "ri.object-set.main.x"}, {"tickets": "ri.object-set.main.x"}),
        (
            {"tickets": {"type": "base", "objectType": "T"}},
            {"tickets": {"type": "base", "objectType": "T"}},
        ),
        (
            {"address": Address(street="Weg", house_number=3, since=NOON)},
            {"address": {"street": "Weg", "houseNumber": 3, "since": "2026-07-01T10:00:00Z"}},
        ),
        ({"vector": [1.0, 2.5]}, {"vector": [1.0, 2.5]}),
    ],
)
def test_each_type_is_written_as_the_wire_wants_it(
    parameters: dict[str, Any], wire: dict[str, Any]
) -> None:
    assert sent(**parameters) == wire


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": 1},
        {"flag": 1},
        {"integer": 2**31},
        {"integer": True},
        {"bare_integer": -(2**31) - 1},
        {"bare_integer": "1"},
        {"long": 2**63},
        {"long": "1"},
        {"double": float("nan")},
        {"double": float("-inf")},
        {"vector": [float("inf")]},
        {"shape": {"coordinates": [float("nan")]}},
        {"decimal": PythonDecimal("NaN")},
        {"decimal": PythonDecimal("1E+38")},
        {"bare_decimal": PythonDecimal("1E+999999")},
        {"day": NOON},
        {"at": NOON.replace(tzinfo=None)},
        {"times": [NOON.replace(tzinfo=None)]},
        {"ticket": 2**31},
        {"ticket": None, "file": "ri.other"},
        {"marking": ""},
        {"tickets": "Ticket"},
        {"nothing_of_the_kind": 1},
    ],
)
def test_what_the_wire_cannot_hold_is_refused_when_the_action_is_made(
    parameters: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError):
        Everything(**parameters)


def test_coordinates_off_the_earth_are_refused() -> None:
    for latitude, longitude in [(91, 0), (0, 181), (float("nan"), 0)]:
        with pytest.raises(ValidationError):
            GeoPoint(latitude=latitude, longitude=longitude)


def test_what_is_not_given_is_left_out_and_none_is_sent_as_null() -> None:
    """Null clears a property; leaving it out does not touch it. The same inside a struct."""
    assert sent() == {}
    assert sent(text=None, point=None) == {"text": None, "point": None}
    assert sent(address=Address(street="Weg")) == {"address": {"street": "Weg"}}
    assert sent(address=Address(street="Weg", since=None)) == {
        "address": {"street": "Weg", "since": None}
    }


def test_an_owners_own_serializer_is_kept() -> None:
    class Odd(Action, api_name="odd"):
        at: Annotated[datetime, PlainSerializer(lambda moment: str(moment.year))]

    assert Odd(at=NOON).call().parameters == b'{"at":"2026"}'


def test_a_lone_surrogate_fails_when_it_is_written() -> None:
    """It cannot be UTF-8; the error is raised to the mapping, not sent as something else."""
    with pytest.raises(ValueError, match="surrogates not allowed"):
        Everything(text="\ud800").call()


class Begun(Struct):
    type: Literal["begun"]
    default: datetime


class Ended(Struct):
    type: Literal["ended"]
    metadata: int


def test_fields_may_be_called_like_parts_of_a_schema() -> None:
    class Uses(Action, api_name="uses"):
        fields: Annotated[Begun | Ended, Field(discriminator="type")]
        schema_: datetime | None = Field(default=None, serialization_alias="schema")
        choices: Sequence[Long] = ()

    begun = Uses(fields=Begun(type="begun", default=NOON), schema_=NOON, choices=[1])

    assert json.loads(begun.call().parameters) == {
        "fields": {"type": "begun", "default": "2026-07-01T10:00:00Z"},
        "schema": "2026-07-01T10:00:00Z",
        "choices": ["1"],
    }
    with pytest.raises(ValidationError):
        Uses(fields=Ended(type="ended", metadata=2**31))
