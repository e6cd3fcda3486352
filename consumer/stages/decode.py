"""record -> envelope: which type of event it claims to be, with its JSON checked and its fields still untyped."""

from __future__ import annotations

from typing import Any, assert_never

from consumer.contracts.type_from import CloudEvents, Constant, Field_, Header, TypeFrom
from consumer.errors import Rejected
from consumer.model import Envelope, Record
from consumer.stages.cloudevents import from_headers, from_value
from consumer.stages.familiar import familiar, remember
from consumer.stages.headers import Caps, Found, attribute, header_text, media, read_headers
from consumer.stages.strict_json import parse_object, undecodable

# Bytes, roughly, of the Python objects around a record and around each header.
_RECORD_OVERHEAD = 1000
_HEADER_OVERHEAD = 150


def decode(record: Record, type_from: TypeFrom, caps: Caps) -> Envelope:
    """The record as an envelope, whose JSON means the same to every reader.

    Raises:
        Rejected: `undecodable`; the detail quotes nothing of the event.
    """
    value, headers, key_size = record.value, record.headers, len(record.key or b"")
    if not value or len(value) > caps.value_bytes or key_size > caps.key_bytes:
        raise _out_of_bounds(value, key_size, caps)
    parsed = parse_object(value)
    size = _RECORD_OVERHEAD + len(value) + _HEADER_OVERHEAD * len(headers) + key_size
    if type(type_from) is CloudEvents:
        event = familiar(headers, value, size, caps)
        if event is not None:
            return event
    found = read_headers(headers, caps)
    size += found.size
    if isinstance(type_from, CloudEvents):
        # By the CloudEvents Kafka binding (1.0, section 3) the content type alone decides the mode. `ce_*` headers
        # beside a structured event are allowed, and the attributes inside it count.
        if media(found) == "cloudevent":
            return from_value(parsed, value, size)
        event = from_headers(found, value, size)
        remember(headers, event)
        return event
    media(found)
    event_id = f"{record.topic}/{record.partition}/{record.offset}"
    return Envelope(event_id, _type(type_from, found, parsed), value, size=size)


def _out_of_bounds(value: bytes | None, key_size: int, caps: Caps) -> Rejected:
    if value is None:
        return undecodable("value is null: a tombstone, or an event without data")
    if not value:
        return undecodable("value is empty")
    if key_size > caps.key_bytes:
        return undecodable(f"has a key of more than {caps.key_bytes} bytes")
    return undecodable(f"value has more than {caps.value_bytes} bytes")


def _type(type_from: Header | Field_ | Constant, found: Found, parsed: dict[str, Any]) -> str:
    match type_from:
        case Constant(type=name):
            return name
        case Header(name=name):
            raw = found.values.get(name)
            if raw is None:
                raise undecodable(f"header {name}, which names the type, is missing")
            if name in found.ambiguous:
                raise undecodable(f"header {name} occurs twice, with different values")
            return header_text(name, raw)
        case Field_(name=name):
            text = parsed.get(name)
            if not isinstance(text, str):
                raise undecodable(f"field {name}, which names the type, is missing or not a string")
            return attribute(f"field {name}", text)
    assert_never(type_from)
