"""Binary CloudEvents that look like the ones before them: the close look is for those that do not.

It knows no rule of its own. What passes here passes there as well, at a third of the cost.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from consumer.model import Envelope, Headers
from consumer.stages.headers import MAX_TEXT, Caps

_MOST_TEXTS: Final = 1024
_MOST_NAMES: Final = 64
"""Headers of a record whose layout is kept, names of at most `MAX_TEXT` characters in all."""
_REQUIRED: Final = {"ce_specversion", "ce_id", "ce_source", "ce_type"}
_MEDIA: Final = frozenset({None, b"application/json"})
_ZEROES: Final = bytes.maketrans(b"123456789", b"0" * 9)
_TIMES: Final = frozenset(
    b"0000-00-00T00:00:00%bZ" % fraction
    for fraction in (b"", *(b"." + b"0" * digits for digits in range(1, 10)))
)
_SIX: Final = ord("6")

# A topic has few sources and types, and each record names one of each: those that were found fit.
_texts: dict[bytes, str] = {}


class _Layout(NamedTuple):
    """Where the attributes stand among the headers; -1: nowhere."""

    version: int
    id: int
    source: int
    type: int
    time: int
    media: int
    size: int
    """Bytes of the names."""


# Nor do its records differ in which headers they have.
_layouts: dict[tuple[str, ...], _Layout | tuple[()]] = {}


def remember(raw: bytes, text: str) -> None:
    """This header is fit to be a source or a type, and means this text."""
    if len(_texts) < _MOST_TEXTS:
        _texts[raw] = text


def familiar(headers: Headers, data: bytes, size: int, caps: Caps) -> Envelope | None:
    """The envelope of an event that breaks no rule at first sight; None: it has to be looked at closely."""
    if not headers:
        return None
    names, values = zip(*headers)  # noqa: B905 - pairs; the keyword would cost as much again
    layout = _layouts.get(names)
    if layout is None:
        layout = _look_at(names)
    if not layout or len(names) > caps.headers:
        return None
    at_version, at_id, at_source, at_type, at_time, at_media, brought = layout
    get = _texts.get
    source, event_type = get(values[at_source]), get(values[at_type])
    raw_id = values[at_id]
    time = None if at_time < 0 else values[at_time]
    if (
        source is None
        or event_type is None
        or not raw_id
        or len(raw_id) > MAX_TEXT
        or not raw_id.isascii()
        or values[at_version] != b"1.0"
        or (at_media >= 0 and values[at_media] not in _MEDIA)
        or not (time is None or _exists(time))
    ):
        return None
    # A header without a value is none.
    brought += len(b"".join(filter(None, values)) if None in values else b"".join(values))
    event_id = raw_id.decode()
    if brought > caps.header_bytes or not event_id.isprintable():
        return None
    moment = None if time is None else time.decode()
    # As a tuple: the class's own constructor costs as much again as all that is asked above.
    return tuple.__new__(
        Envelope, (event_id, event_type, data, source, moment, None, False, size + brought)
    )


def _look_at(names: tuple[str, ...]) -> _Layout | tuple[()]:
    """Where the attributes stand among these names; remembered, unless the names themselves are much to remember."""
    layout = _layout_of(names)
    if len(names) <= _MOST_NAMES and sum(map(len, names)) <= MAX_TEXT:
        if len(_layouts) >= _MOST_TEXTS:
            _layouts.clear()
        _layouts[names] = layout
    return layout


def _layout_of(names: tuple[str, ...]) -> _Layout | tuple[()]:
    """Empty: a name stands twice, one is missing, or one needs a closer look."""
    places = {name: place for place, name in enumerate(names)}
    if len(places) < len(names) or "ce_subject" in places or not places.keys() >= _REQUIRED:
        return ()
    return _Layout(
        version=places["ce_specversion"],
        id=places["ce_id"],
        source=places["ce_source"],
        type=places["ce_type"],
        time=places.get("ce_time", -1),
        media=places.get("content-type", -1),
        size=sum(map(len, names)),
    )


def _exists(time: bytes) -> bool:
    """A time of UTC, spelled as most are."""
    return (
        time.translate(_ZEROES) in _TIMES
        and time[11:13] < b"24"
        and time[14] < _SIX
        and time[17] < _SIX
        and _day_exists(time[:10])
    )


@lru_cache(maxsize=1024)
def _day_exists(day: bytes) -> bool:
    try:
        date.fromisoformat(day.decode())
    except ValueError:
        return False
    return True
