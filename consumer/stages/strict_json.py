"""JSON as a contract needs it: one object in UTF-8, which means the same to every reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import jiter

from consumer.errors import Rejected

MAX_DEPTH = 64

# A part of jiter's message for each fault, and what a publisher is told. Both are tested with real input.
_SYNTAX = (
    ("duplicate key", "has the same key twice in one object"),
    ("recursion limit", f"is nested more than {MAX_DEPTH} levels deep"),
    ("trailing characters", "has something after its JSON object"),
    ("number out of range", "has a number of thousands of digits"),
    ("surrogate", "has a lone surrogate"),
    ("end of hex escape", "has a lone surrogate"),
)
_POSITION = re.compile(r" at line \d+ column \d+$")


def undecodable(detail: str) -> Rejected:
    """The error to raise; `detail` quotes nothing of the event."""
    return Rejected("undecodable", detail, stage="decode")


def parse_object(text: bytes, what: str = "value") -> dict[str, Any]:
    """Parse `text` as one object, refusing everything that JSON libraries silently read in different ways.

    Raises:
        Rejected: `undecodable`: it is not such an object; the detail begins with `what`.
    """
    try:
        # Values differ from record to record: only keys are worth a cache.
        parsed = jiter.from_json(
            text, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys"
        )
    except ValueError as error:
        fault = _name_the_fault(text, str(error))
    else:
        if type(parsed) is dict:
            unfit = _unfit(parsed.values(), MAX_DEPTH)
            if unfit is None:
                return parsed
            fault = unfit
        else:
            fault = "is JSON, but not an object"
    raise undecodable(f"{what} {fault}")


def _unfit(items: Iterable[Any], levels: int) -> str | None:
    """What the parser lets through: deep nesting, and numbers that overflow to infinity (`1e999`)."""
    if levels == 0:
        return f"is nested more than {MAX_DEPTH} levels deep"
    for item in items:
        kind = type(item)
        # First, since most values are, and this loop runs for every record.
        if kind is str or kind is int:
            continue
        if kind is float:
            if item - item != 0.0:  # true of infinity alone; NaN is refused before
                return "has a number too large for JSON readers"
        elif kind is dict or kind is list:
            unfit = _unfit(item.values() if kind is dict else item, levels - 1)
            if unfit is not None:
                return unfit
    return None


def _name_the_fault(text: bytes, error: str) -> str:
    return _encoding_fault(text) or _syntax_fault(text, error)


def _encoding_fault(text: bytes) -> str | None:
    if not text:
        return "is empty"
    if text.startswith(b"\xef\xbb\xbf"):
        return "begins with a byte order mark"
    guess = json.detect_encoding(text)
    if guess != "utf-8" and text.decode(guess, "replace").lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        return f"is {guess[:6].upper()}, not UTF-8"
    if text.startswith(b"\x00"):
        return "begins with a zero byte, as if framed for a schema registry; it must be plain JSON"
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start + 1}"
    return None


def _syntax_fault(text: bytes, error: str) -> str:
    # Only the position is kept: jiter's message may quote a duplicate key.
    position = _POSITION.search(error)
    where = position[0] if position else ""
    for sign, fault in _SYNTAX:
        if sign in error:
            return fault + where
    if _parses_with_infinity(text):
        return "has NaN or Infinity" + where
    return "is not JSON" + where


def _parses_with_infinity(text: bytes) -> bool:
    try:
        jiter.from_json(text, allow_inf_nan=True)
    except ValueError:
        return False
    return True
