"""How the event type of a record is found: one rule per topic."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.contracts._faults import fault, is_text
from consumer.contracts.events import Event, reads


@dataclass(frozen=True, slots=True)
class CloudEvents:
    """CloudEvents over Kafka: binary (`ce_*` headers) or structured (`application/cloudevents+json`)."""


@dataclass(frozen=True, slots=True)
class Header:
    """The UTF-8 text of the header `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Field_:  # noqa: N801 - `Field` is pydantic's, and stands beside it in the owners' files
    """The string in the top-level field `name` of the JSON object; the object as a whole is the event."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """All records of the topic are of this type."""

    type: str


TypeFrom = CloudEvents | Header | Field_ | Constant


def cloudevents() -> CloudEvents:
    """The records are CloudEvents (the default)."""
    return CloudEvents()


def header(name: str) -> Header:
    """The type stands in the header `name`.

    Raises:
        ContractError: the name is empty.
    """
    _needs_text("header", name)
    return Header(name)


def field(name: str) -> Field_:
    """The type stands in the top-level JSON field `name`, as a string.

    Raises:
        ContractError: the name is empty.
    """
    _needs_text("field", name)
    return Field_(name)


def constant(type: str) -> Constant:  # noqa: A002 - CloudEvents' own word
    """All records of the topic are of one type.

    Raises:
        ContractError: the type is empty.
    """
    _needs_text("constant", type)
    return Constant(type)


def is_undeclared(topic: str, type_from: TypeFrom, model: type[Event]) -> bool:
    """True if each record has its type in a field that the model does not know.

    Raises:
        ContractError: that is so, and the model forbids unknown fields, so it would refuse every event.
    """
    if not isinstance(type_from, Field_) or reads(model, type_from.name):
        return False
    if model.model_config.get("extra") == "forbid":
        raise fault(
            f"{topic}: {model.__name__} refuses unknown fields, and has no field {type_from.name!r},"
            " in which each record has its type",
            remedy="add the field to the model",
        )
    return True


def _needs_text(function: str, text: str) -> None:
    if not is_text(text):
        raise fault(f"{function}({text!r}) names nothing", remedy="give a non-empty string")
