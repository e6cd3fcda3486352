"""CloudEvents 1.0 over Kafka: binary mode (`ce_*` headers) and structured mode (the value holds attributes and data).

From the CloudEvents specification 1.0.2, its Kafka protocol binding and its JSON event format.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any, NoReturn

from consumer.model import Envelope
from consumer.stages.headers import (
    Found,
    attribute,
    header_text,
    media_type,
    quoted,
)
from consumer.stages.strict_json import parse_object, undecodable

_REQUIRED = ("specversion", "id", "source", "type")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def from_headers(found: Found, data: bytes, size: int) -> Envelope:
    """An event in binary mode. Header names are compared exactly, as the binding spells them.

    Raises:
        Rejected: `undecodable`: an attribute is missing, malformed, or occurs twice with different values.
    """
    get = found.values.get
    version, event_id, source = get("ce_specversion"), get("ce_id"), get("ce_source")
    event_type, time, subject = get("ce_type"), get("ce_time"), get("ce_subject")
    if version is None or event_id is None or source is None or event_type is None:
        _refuse_missing([name for name in _REQUIRED if f"ce_{name}" not in found.values], "ce_")
    if found.ambiguous:
        _refuse_ambiguous(found)
    if version != b"1.0":
        raise undecodable("header ce_specversion is not 1.0")
    return Envelope(
        header_text("ce_id", event_id),
        header_text("ce_type", event_type),
        data,
        header_text("ce_source", source),
        None if time is None else checked_time("header ce_time", time.decode(errors="replace")),
        None if subject is None else header_text("ce_subject", subject),
        size=size,
    )


def from_value(event: dict[str, Any], text: bytes, size: int) -> Envelope:
    """An event in structured mode. Its envelope keeps the whole `text`, or the decoded data if that is `data_base64`.

    Raises:
        Rejected: `undecodable`: an attribute is missing or malformed, or its data is not a JSON object.
    """
    missing = [name for name in _REQUIRED if event.get(name) is None]
    if missing:
        _refuse_missing(missing, "")
    if event["specversion"] != "1.0":
        raise undecodable("attribute specversion is not 1.0")
    time = _optional(event, "time")
    if time is not None:
        checked_time("attribute time", time)
    data_type = _optional(event, "datacontenttype")
    if data_type is not None:
        media_type(data_type, "attribute datacontenttype")
    data = _data(event)
    return Envelope(
        _text(event, "id"),
        _text(event, "type"),
        text if data is None else data,
        _text(event, "source"),
        time,
        _optional(event, "subject"),
        enclosed=data is None,
        size=size,
    )


def moment(time: str) -> datetime:
    """A CloudEvents time, with its zone.

    Raises:
        ValueError: there is no such time.
    """
    return datetime.fromisoformat(time.upper())


def checked_time(what: str, time: str) -> str:
    """The same text, if it is an RFC 3339 time (which has a zone) that exists.

    Raises:
        Rejected: `undecodable`: it is not; the detail begins with `what`.
    """
    fit = _RFC3339.fullmatch(time) is not None
    if fit:
        try:
            moment(time)
        except ValueError:  # 30 February; a leap second too, as no `datetime` can hold one
            fit = False
    if not fit:
        raise undecodable(f"{what} is not an RFC 3339 time with a time zone")
    return time


def _data(event: dict[str, Any]) -> bytes | None:
    """The text of the event's data; None: it is the object under `data`."""
    data, encoded = event.get("data"), event.get("data_base64")
    if data is not None and encoded is not None:
        raise undecodable("has both data and data_base64")
    if type(data) is dict:
        return None
    if data is not None:
        raise undecodable("data is JSON, but not an object")
    if encoded is None:
        raise undecodable("has no data")
    return _decoded(encoded)


def _decoded(encoded: object) -> bytes:
    text = None
    if isinstance(encoded, str):
        try:
            text = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            text = None
    if text is None:
        raise undecodable("data_base64 is not base64")
    parse_object(text, "data_base64")
    return text


def _text(event: dict[str, Any], name: str) -> str:
    value = event[name]
    if not isinstance(value, str):
        raise undecodable(f"attribute {name} is not a string")
    return attribute(f"attribute {name}", value)


def _optional(event: dict[str, Any], name: str) -> str | None:
    return None if event.get(name) is None else _text(event, name)


def _refuse_missing(names: list[str], prefix: str) -> NoReturn:
    kind = "header" if prefix else "attribute"
    hint = ""
    if prefix and len(names) == len(_REQUIRED):
        hint = " (nor does header content-type say application/cloudevents+json)"
    raise undecodable(
        f"not a CloudEvent: {kind} {', '.join(prefix + n for n in names)} missing{hint}"
    )


def _refuse_ambiguous(found: Found) -> None:
    for name in found.ambiguous:
        if name.startswith("ce_"):
            raise undecodable(f"header {quoted(name)} occurs twice, with different values")
