"""Headers, each read once: by name, with their size, and with those that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from consumer.model import Headers
from consumer.stages.strict_json import undecodable

MAX_TEXT = 2048
"""Most characters of an attribute such as id, type or source."""

_MAX_MEDIA_TYPE = 256
_MAX_QUOTED = 100
# What CloudEvents 1.0 forbids in a String: it could forge lines in logs, and no terminal shows it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Media = Literal["json", "cloudevent"]


@dataclass(frozen=True, slots=True)
class Caps:
    """The largest record that is accepted, checked before anything is parsed."""

    value_bytes: int = 1024 * 1024
    key_bytes: int = 64 * 1024
    headers: int = 1000
    header_bytes: int = 64 * 1024


class Found(NamedTuple):
    """The headers of one record. One with a null value counts as absent."""

    values: dict[str, bytes]
    size: int
    ambiguous: Collection[str]
    """Names that occur twice with different values."""


def read_headers(headers: Headers, caps: Caps) -> Found:
    """The headers by name.

    Raises:
        Rejected: `undecodable`: there are too many, or they are too large.
    """
    if len(headers) > caps.headers:
        raise undecodable(f"has more than {caps.headers} headers")
    values: dict[str, bytes] = {}
    size = 0
    for name, raw in headers:
        size += len(name)
        if raw is not None:
            size += len(raw)
            values[name] = raw
    found = Found(values, size, () if len(values) == len(headers) else _ambiguous(headers))
    if found.size > caps.header_bytes:
        raise undecodable(f"has headers of more than {caps.header_bytes} bytes")
    return found


def _ambiguous(headers: Headers) -> Collection[str]:
    seen: dict[str, bytes] = {}
    return [name for name, raw in headers if raw is not None and seen.setdefault(name, raw) != raw]


def header_text(name: str, raw: bytes) -> str:
    """The header as the text of an attribute.

    Raises:
        Rejected: it is not UTF-8, empty, too long, or holds control characters.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise undecodable(f"header {name} is not UTF-8")
    # The rule of `attribute` inlined, so that its messages are built only where it is broken.
    if 0 < len(text) <= MAX_TEXT and text.isprintable():
        return text
    return attribute(f"header {name}", text)


def attribute(what: str, text: str) -> str:
    """The same text, if it can be an attribute.

    Raises:
        Rejected: `undecodable`: it cannot; the detail begins with `what`.
    """
    if not text:
        raise undecodable(f"{what} is empty")
    if len(text) > MAX_TEXT:
        raise undecodable(f"{what} has more than {MAX_TEXT} characters")
    if not text.isprintable() and _CONTROL.search(text):
        raise undecodable(f"{what} has control characters")
    return text


def quoted(text: str) -> str:
    """A name taken from the event, made fit for a detail: bounded, and without characters that could break a log."""
    return repr(text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "...")


def media(found: Found) -> Media:
    """What the value is, by the header `content-type`; without that header it is JSON.

    Raises:
        Rejected: `undecodable`: it is something that this service cannot read.
    """
    raw = found.values.get("content-type")
    if raw is None:
        return "json"
    if "content-type" in found.ambiguous:
        raise undecodable("header content-type occurs twice, with different values")
    if len(raw) > _MAX_MEDIA_TYPE:
        raise undecodable(f"header content-type has more than {_MAX_MEDIA_TYPE} bytes")
    return media_type(raw.decode(errors="replace"), "header content-type")


@lru_cache(maxsize=256)
def media_type(text: str, where: str) -> Media:
    """`text` as a media type; a rejection names `where`. A topic has only a few of them, so they are cached."""
    kind, *parameters = (part.strip() for part in text.lower().split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
            raise undecodable(f"{where} has a charset other than UTF-8")
    if kind == "application/cloudevents+json":
        return "cloudevent"
    if kind.startswith("application/cloudevents-batch"):
        raise undecodable(f"{where} is a batch; over Kafka a record is one event")
    if kind.startswith("application/cloudevents"):
        raise undecodable(f"{where} has an event format other than application/cloudevents+json")
    if kind in ("application/json", "text/json") or (kind.endswith("+json") and "/" in kind):
        return "json"
    raise undecodable(f"{where} is not JSON")
