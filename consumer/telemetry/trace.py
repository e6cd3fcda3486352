"""W3C Trace Context: taken from a record only if it is strictly valid, otherwise begun anew.

The formats are those of https://www.w3.org/TR/trace-context-2/, sections 3.2 and 3.3.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from consumer.model import Headers

_PARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.DOTALL)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
LONGEST_PARENT = 512
LONGEST_STATE = 512
MOST_MEMBERS = 32
_SAMPLED = 0x01
_KNOWN_FLAGS = 0x03
"""Sampled and random: the other flags have no meaning yet, and are not passed on."""


class TraceContext(NamedTuple):
    """One span of one trace, as in a header. A tuple, as two are made for each request."""

    trace_id: str
    span_id: str
    flags: int = _SAMPLED
    state: str | None = None

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    def child(self) -> TraceContext:
        """Another span of the same trace."""
        return TraceContext(self.trace_id, _fresh(8), self.flags, self.state)


def new_trace() -> TraceContext:
    """A trace that begins here. Marked as sampled, so that Foundry may record its part of it."""
    return TraceContext(_fresh(16), _fresh(8))


def context_of(headers: Headers) -> TraceContext | None:
    """The context that the producer put on the record; None: there is none, or it is not valid."""
    parent: TraceContext | None = None
    found = 0
    states: list[bytes | None] = []
    # In one pass, as this is done for each request.
    for key, value in headers:
        if key == "traceparent":
            parent = _parent(value)
            found += 1
        elif key == "tracestate":
            states.append(value)
    # Two parents contradict each other, so the trace is unknown.
    if parent is None or found > 1:
        return None
    return parent._replace(state=_state(states)) if states else parent


def _parent(value: bytes | None) -> TraceContext | None:
    if value is None or len(value) > LONGEST_PARENT or not _PARENT.fullmatch(value):
        return None
    version, trace_id, span_id, flags, *more = value.decode("ascii", errors="replace").split("-", 4)
    if version == "ff" or (version == "00" and more):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return TraceContext(trace_id, span_id, int(flags, 16) & _KNOWN_FLAGS)


def _state(values: list[bytes | None]) -> str | None:
    """The list of vendors' states; None: some part of it is not valid."""
    joined = b",".join(value or b"" for value in values)
    if len(joined) > LONGEST_STATE:
        return None
    text = joined.decode("ascii", errors="replace")
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    if not members or len(members) > MOST_MEMBERS or len(keys) < len(members):
        return None
    return ",".join(members) if all(map(_MEMBER.fullmatch, members)) else None


def _fresh(size: int) -> str:
    """Random bytes as hex, never all zero."""
    while not any(drawn := os.urandom(size)):
        pass
    return drawn.hex()
