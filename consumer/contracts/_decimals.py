"""Exact decimals in events: pydantic reads a JSON number as a double, which preserves only 15 digits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import jiter
from pydantic import ValidationInfo
from pydantic_core import PydanticKnownError

from consumer.contracts._schemas import read_through

# Near zero a double preserves fewer digits, and finally none.
_MAYBE_LONGER = re.compile(rb"\d[\d.]{15}|[eE]-\d{3}")
_KEPT = 15
"""Digits that every decimal number keeps when it is turned into a double and back."""

_FURTHEST = 999
"""Most digits before or after the point: owners' functions may have to write them out, or compute with them."""
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FURTHER = re.compile(r"[eE][+-]?[\d_]{4,}")

Exact = Mapping[float, Decimal | None]
"""The number in the text, by the double that it is read as; None: several numbers are read as that double, or its
exponent is out of bounds."""


def exactly_read(part: dict[str, Any]) -> dict[str, Any]:
    """The same part of a schema, where a decimal that comes as a number is taken from the text if its digits need it."""
    return read_through(_from_text, part, informed=True) if part.get("type") == "decimal" else part


def holds_decimals(schema: Any) -> bool:
    """True if some part of the schema was made by `exactly_read`."""
    if isinstance(schema, dict):
        return _is_ours(schema) or any(map(holds_decimals, schema.values()))
    return isinstance(schema, list | tuple) and any(map(holds_decimals, schema))


def exact_numbers(text: bytes) -> Exact | None:
    """The validation context for this text; None, as for nearly all texts: no number in it is long."""
    if _MAYBE_LONGER.search(text) is None:
        return None
    found: dict[float, Decimal | None] = {}
    for number in _numbers(jiter.from_json(text, float_mode="lossless-float")):
        read, exact = float(number), _decimal(str(number))
        found[read] = exact if found.get(read, exact) == exact else None
    return found


def _is_ours(part: Any) -> bool:
    return (
        isinstance(part, dict)
        and part.get("type") == "function-before"
        and part["function"]["function"] is _from_text
    )


def _from_text(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("decimal_type")
    if isinstance(value, str):
        return _plain(value)
    if not isinstance(value, float):
        return value
    # If it is not in there, an owner's validator has computed it.
    if info.context is not None and value in info.context:
        exact = info.context[value]
        if exact is None:
            raise PydanticKnownError("decimal_max_digits", {"max_digits": _KEPT})
        return exact
    return Decimal(repr(value).removesuffix(".0"))


def _plain(text: str) -> str:
    """Only what JSON would write: `Decimal` also accepts blanks, underscores and the digits of any script."""
    if _FURTHER.search(text):
        raise PydanticKnownError("decimal_max_digits", {"max_digits": _FURTHEST})
    if _PLAIN.fullmatch(text) is None:
        raise PydanticKnownError("decimal_parsing")
    return text


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except ArithmeticError:  # its exponent is beyond what `Decimal` supports
        return None
    return number if abs(number.adjusted()) <= _FURTHEST else None


def _numbers(node: Any) -> Iterator[jiter.LosslessFloat]:
    if isinstance(node, jiter.LosslessFloat):
        yield node
    elif isinstance(node, dict):
        for inner in node.values():
            yield from _numbers(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _numbers(inner)
