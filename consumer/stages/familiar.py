"""A fast path for binary CloudEvents that look like earlier ones; all others are decoded in full.

It has no rules of its own: what passes here would pass the full decoding too, at three times the cost.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple

from consumer.model import Envelope, Headers
from consumer.stages.headers import MAX_TEXT, Caps, header_text

_MOST_NAMES: Final = 64
"""Most headers of a record whose layout is cached; their names have at most `MAX_TEXT` characters in all."""
_MOST_LAYOUTS: Final = 1024
_MOST_KINDS: Final = 4096
_LONGEST_KIND: Final = 512
"""Most characters of source and type of a kind that is cached."""
_REQUIRED: Final = {"ce_specversion", "ce_id", "ce_source", "ce_type"}
_ZEROES: Final = bytes.maketrans(b"123456789", b"0" * 9)
_TIMES: Final = frozenset(
    b"0000-00-00T00:00:00%bZ" % fraction
    for fraction in (b"", *(b"." + b"0" * digits for digits in range(1, 10)))
)

_Kind = tuple[bytes | None, ...]
"""What many records have in common: version, source, type, and content type if there is one."""


class _Layout(NamedTuple):
    """At which index among the headers each attribute is; -1: absent."""

    kind: Callable[[Any], _Kind]
    id: int
    time: int
    subject: int
    size: int
    """Bytes of the names."""


# The records of a topic all have the same headers, and are of few kinds. Whether a kind obeys the rules was
# decided when it was entered here: one lookup stands for the checks of four headers.
_layouts: dict[tuple[str, ...], _Layout | tuple[()]] = {}
_kinds: dict[_Kind, tuple[str, str]] = {}
"""Source and type of each."""


def remember(headers: Headers, event: Envelope) -> None:
    """Full decoding found this binary-mode event behind these headers: cache its layout and kind."""
    names, values = zip(*headers, strict=True)
    layout = _layouts.get(names)
    if layout is None:
        layout = _look_at(names)
    source = event.source or ""
    if layout and len(source) + len(event.type) <= _LONGEST_KIND:
        if len(_kinds) >= _MOST_KINDS:
            _kinds.clear()
        _kinds[layout.kind(values)] = source, event.type


def familiar(headers: Headers, data: bytes, size: int, caps: Caps) -> Envelope | None:
    """The envelope, if layout and kind are known and all else is plainly valid; None: it has to be decoded in full."""
    if not headers:
        return None
    names, values = zip(*headers)  # noqa: B905 - pairs; the keyword would cost as much again
    layout = _layouts.get(names)
    if not layout or len(names) > caps.headers:
        return None
    kind_of, at_id, at_time, at_subject, brought = layout
    kind = _kinds.get(kind_of(values))
    if kind is None:
        return None
    try:
        brought += len(b"".join(values))
        event_id = values[at_id].decode()
        time = None if at_time < 0 else _existing(values[at_time])
    except (TypeError, ValueError):  # a null header; not UTF-8; not a time
        return None
    if (
        brought > caps.header_bytes
        or not 0 < len(event_id) <= MAX_TEXT
        or not event_id.isprintable()
    ):
        return None
    subject = None if at_subject < 0 else header_text("ce_subject", values[at_subject])
    source, event_type = kind
    # Positional: keyword arguments would double the cost of this call.
    return Envelope(event_id, event_type, data, source, time, subject, size + brought)


def _look_at(names: tuple[str, ...]) -> _Layout | tuple[()]:
    """The layout of these header names; cached, unless the names are too many or too long to keep."""
    layout = _layout_of(names)
    if len(names) <= _MOST_NAMES and sum(map(len, names)) <= MAX_TEXT:
        if len(_layouts) >= _MOST_LAYOUTS:
            _layouts.clear()
        _layouts[names] = layout
    return layout


def _layout_of(names: tuple[str, ...]) -> _Layout | tuple[()]:
    """Empty: a name occurs twice, or a required one is missing."""
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names) or not places.keys() >= _REQUIRED:
        return ()
    of_kind = [places["ce_specversion"], places["ce_source"], places["ce_type"]]
    if "content-type" in places:
        of_kind.append(places["content-type"])
    return _Layout(
        kind=itemgetter(*of_kind),
        id=places["ce_id"],
        time=places.get("ce_time", -1),
        subject=places.get("ce_subject", -1),
        size=sum(map(len, names)),
    )


def _existing(time: bytes) -> str:
    """The text of an existing UTC time in its most common spelling.

    Raises:
        ValueError: it is not one.
    """
    if time.translate(_ZEROES) not in _TIMES:
        raise ValueError
    text = time.decode()
    datetime.fromisoformat(text)
    return text
