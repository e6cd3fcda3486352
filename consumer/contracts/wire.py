"""How parameter values are written in JSON, as Foundry's action API wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal as _Decimal
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, JsonValue, model_serializer
from pydantic_core import CoreSchema, core_schema

from consumer.contracts._faults import fault, refuse_config
from consumer.contracts._nested import nested_models
from consumer.contracts._schemas import rewritten

_KEPT: Final[Mapping[str, tuple[object, ...]]] = {
    "strict": (True,),
    "frozen": (True,),
    "allow_inf_nan": (False,),
    "extra": ("forbid",),
}
"""What a `model_config` may set: anything else could drop a value, or send one that the mapping did not give."""

_INT32 = 2**31
_INT64 = 2**63


class _AsText:
    """Written as the value's text, by the serializer itself, without calling Python."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        as_text = core_schema.to_string_ser_schema(when_used="always")
        return cast("CoreSchema", {**schema, "serialization": as_text})


Integer = Annotated[int, Field(ge=-_INT32, lt=_INT32)]
"""A whole number of 32 bits. A bare `int` in an action means the same."""

Long = Annotated[int, Field(ge=-_INT64, lt=_INT64), _AsText]
"""A whole number of 64 bits; a string on the wire."""

Decimal = Annotated[_Decimal, Field(max_digits=38)]
"""A string on the wire, without exponent. A bare `decimal.Decimal` in an action means the same."""

Timestamp = datetime
"""A time with its zone; UTC on the wire, ending in `Z`. One without a zone is refused."""

Date = date

ObjectKey = str | Integer
"""An object, by its primary key alone. If that is a long, the key is a string."""

Attachment = Annotated[str, Field(pattern=r"^ri\.attachments\.")]
"""The RID of an uploaded attachment."""

Marking = Annotated[str, Field(min_length=1)]
"""The id of a marking."""

ObjectType = Annotated[str, Field(min_length=1)]
"""The API name of an object type."""

ObjectSet = Annotated[str, Field(pattern=r"^ri\.")] | Mapping[str, JsonValue]
"""The RID of an object set, or its definition."""

GeoShape = Mapping[str, JsonValue]
"""A GeoJSON geometry."""

Vector = Sequence[float]


def as_foundry_writes(part: dict[str, Any]) -> dict[str, Any]:
    """The same part of a schema, with times in UTC, plain decimals, 32-bit whole numbers and finite doubles.

    So an owner cannot get the encoding wrong by writing, say, `datetime` where `Timestamp` was meant.
    """
    match part.get("type"):
        case "datetime":
            return {"serialization": _IN_UTC} | part | {"tz_constraint": "aware"}
        case "decimal":
            return {"serialization": _WITHOUT_EXPONENT, "max_digits": 38} | part
        case "float":
            # JSON has only finite numbers: others would be written as null, which clears the value.
            return part | {"allow_inf_nan": False}
        case "int" if not _BOUNDS & part.keys():
            return part | {"ge": -_INT32, "lt": _INT32}
        case _:
            return part


_BOUNDS = frozenset({"ge", "gt", "le", "lt"})
_IN_UTC = core_schema.plain_serializer_function_ser_schema(
    lambda moment: moment.astimezone(UTC), return_schema=core_schema.datetime_schema()
)
_WITHOUT_EXPONENT = core_schema.plain_serializer_function_ser_schema(
    lambda number: format(number, "f"), return_schema=core_schema.str_schema()
)


def _refuse_one_name_for_two(cls: type[BaseModel]) -> None:
    """The JSON would have the name twice, and which value counts would be up to the reader.

    Raises:
        ContractError: two fields are written under one name.
    """
    written: dict[str, str] = {}
    names = {name: info.serialization_alias for name, info in cls.model_fields.items()}
    names |= {name: info.alias for name, info in cls.model_computed_fields.items()}
    for name, alias in names.items():
        on_the_wire = alias or name
        if on_the_wire in written:
            raise fault(
                f"fields {written[on_the_wire]!r} and {name!r} of {cls.__name__} are both written"
                f" as {on_the_wire!r}",
                remedy="give each the API name of its own parameter",
            )
        written[on_the_wire] = name


def _refuse_other_names_in(cls: type[BaseModel]) -> None:
    """A field with a validation alias could not be given by its name: every mapping would raise.

    Raises:
        ContractError: a field has one.
    """
    for name, info in cls.model_fields.items():
        if info.validation_alias is not None:
            raise fault(
                f"field {name!r} of {cls.__name__} has an alias under which it would have to be given",
                remedy=f'write {name}: ... = Field(serialization_alias="...")',
            )


class Parameters(BaseModel):
    """Named values that go to Foundry: frozen, strict, written under their `serialization_alias`."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        protected_namespaces=(),
        # For values typed `Any`: the default would write null, which clears the value.
        ser_json_inf_nan="strings",
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_config(f"class {cls.__name__}", cls.model_config, _KEPT, "leave it out")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = rewritten(handler(source), as_foundry_writes, handler)
        return schema

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        """Refuse models that would not be written as Foundry wants them."""
        if cls.model_fields:  # else it may be a base of `Struct`, which is not defined yet
            nested_models(cls, Struct, "which is not written as the wire wants")
        _refuse_one_name_for_two(cls)
        _refuse_other_names_in(cls)


class Struct(Parameters):
    """A struct parameter: subclass it, with a field for each of the struct's."""


class GeoPoint(Struct):
    """A point on the earth, in degrees; a GeoJSON point on the wire."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)

    @model_serializer
    def _as_geojson(self) -> dict[str, Any]:
        return {"type": "Point", "coordinates": [self.longitude, self.latitude]}


class InterfaceObject(Struct):
    """An object for a parameter that is an interface: its type and its primary key."""

    object_type: str = Field(min_length=1, serialization_alias="objectTypeApiName")
    primary_key: ObjectKey = Field(serialization_alias="primaryKeyValue")


class MediaReference(Struct):
    """An item of a media set that was uploaded before."""

    mime_type: str
    media_set_rid: str
    media_set_view_rid: str
    media_item_rid: str

    @model_serializer
    def _as_reference(self) -> dict[str, Any]:
        item = {
            "mediaSetRid": self.media_set_rid,
            "mediaSetViewRid": self.media_set_view_rid,
            "mediaItemRid": self.media_item_rid,
        }
        reference = {"type": "mediaSetViewItem", "mediaSetViewItem": item}
        return {"mimeType": self.mime_type, "reference": reference}


class TimeSeries(Struct):
    """A time series by its id, with `sync_rid` if the id alone is ambiguous."""

    series_id: str = Field(min_length=1)
    sync_rid: str | None = None

    @model_serializer
    def _as_reference(self) -> dict[str, Any]:
        if self.sync_rid is None:
            return {"type": "seriesId", "seriesId": self.series_id}
        qualified = {"seriesId": self.series_id, "syncRid": self.sync_rid}
        return {"type": "qualifiedSeriesId", "qualifiedSeriesId": qualified}


class TimeSeriesTemplate(Struct):
    """A time series by the template that derives it."""

    template_rid: str = Field(min_length=1)
    template_version: str = Field(min_length=1)

    @model_serializer
    def _as_reference(self) -> dict[str, Any]:
        template = {"templateRid": self.template_rid, "templateVersion": self.template_version}
        return {"type": "templateRid", "templateRid": template}


TimeSeriesReference = TimeSeries | TimeSeriesTemplate
