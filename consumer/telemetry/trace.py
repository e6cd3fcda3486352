"""W3C trace context: taken from a record only where it is valid to the letter, else begun anew."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from consumer.model import Headers

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
LONGEST_PARENT = 512
LONGEST_STATE = 512
MOST_MEMBERS = 32
_SAMPLED = 0x01
_KNOWN_FLAGS = 0x03
"""Sampled, and random: the others have no meaning yet, and are not passed on."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of one trace, as a header names it."""

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
    """The context that the producer put on the record; None where there is none, or no valid one."""
    parents = [value for key, value in headers if key == "traceparent"]
    if not parents:
        return None
    # Two of them contradict each other, so the trace is not known.
    parent = _parent(parents[0]) if len(parents) == 1 else None
    if parent is None:
        return None
    states = [value for key, value in headers if key == "tracestate"]
    if not states:
        return parent
    return TraceContext(parent.trace_id, parent.span_id, parent.flags, _state(states))


def _parent(value: bytes | None) -> TraceContext | None:
    if value is None or len(value) > LONGEST_PARENT:
        return None
    match = _PARENT.fullmatch(value.decode("ascii", errors="replace"))
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return TraceContext(trace_id, span_id, int(flags, 16) & _KNOWN_FLAGS)


def _state(values: list[bytes | None]) -> str | None:
    """The vendors' list, or None where a part of it is not as the standard wants it."""
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
    while True:
        text = os.urandom(size).hex()
        if text.strip("0"):
            return text
