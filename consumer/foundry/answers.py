"""Reads HTTP answers: Foundry's errors, waits and validation results. No value of an event is kept."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import jiter

MAX_RETRY_AFTER = 600.0
"""Seconds. A longer wait is cut to this: all may be well again sooner."""
LONG_WAIT = 30.0
"""Seconds to wait if Foundry says not to retry, without saying for how long."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,119}")
_INSTANCE = re.compile(r"[A-Za-z0-9-]{1,64}")
_DETAIL_LENGTH = 500
_LISTED = 10
_NAMING = ("actionType", "objectType", "parameterId", "missingScope")
_LISTING = ("parameters", "unknownParameterIds")
_COUNTING = ("maximumBatchSize", "providedBatchSize", "editsCount", "editsLimit")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read up to a cap."""

    status: int
    content_type: str
    body: bytes
    complete: bool = True
    """False: the body was truncated, or larger than the cap."""
    retry_after: str | None = None
    retry_hint: str | None = None
    """Foundry's `QoS-Retry-Hint`."""
    date: str | None = None

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - HTTP's own classes

    @property
    def servers_fault(self) -> bool:
        return self.status >= 500  # noqa: PLR2004 - HTTP's own classes

    @property
    def json_typed(self) -> bool:
        """True if the answer says that it is JSON."""
        kind = self.content_type.partition(";")[0].strip().lower()
        return kind == "application/json" or kind.endswith("+json")


@dataclass(frozen=True, slots=True)
class FoundryError:
    """The error that Foundry describes in a body: `{errorCode, errorName, errorInstanceId, parameters}`."""

    code: str | None
    name: str | None
    instance_id: str | None
    parameters: Mapping[str, Any]

    @property
    def local_name(self) -> str | None:
        """The name without its namespace: `Actions:ObjectsAlreadyExist` and `ObjectsAlreadyExist` are one."""
        return self.name.rpartition(":")[2] if self.name else None


def read_object(body: bytes) -> Mapping[str, Any] | None:
    """The JSON object in the body; None if it is none (truncated, empty, HTML, a list).

    A byte order mark is ignored, as RFC 8259, 8.1 allows: something in between may have added one.
    """
    try:
        value = jiter.from_json(body.removeprefix(BOM_UTF8))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def read_error(reply: Reply) -> FoundryError | None:
    """Foundry's error; None if the answer is not in Foundry's shape, so perhaps a proxy's."""
    found = read_object(reply.body)
    if found is None:
        return None
    code = _matching(_NAME, found.get("errorCode"))
    name = _matching(_NAME, found.get("errorName"))
    if code is None and name is None:
        return None
    parameters = found.get("parameters")
    return FoundryError(
        code,
        name,
        _matching(_INSTANCE, found.get("errorInstanceId")),
        parameters if isinstance(parameters, dict) else {},
    )


def describe(error: FoundryError) -> str:
    """What of the ontology the error names: parameters, types, limits. Never a value, never free text.

    The `message` of a function's error is left out too: its author may have put values of the event into it.
    """
    found = error.parameters
    parts = [f"{key}={_text(found.get(key))}" for key in _NAMING if _text(found.get(key))]
    parts += [f"{key}={_listed(found.get(key))}" for key in _LISTING if _listed(found.get(key))]
    parts += [
        f"{key}={number}"
        for key in _COUNTING
        if (number := whole_number(found.get(key))) is not None
    ]
    return " ".join(parts)[:_DETAIL_LENGTH]


def describe_validation(validation: Mapping[str, Any]) -> str:
    """Which submission criteria and parameters failed, and which kinds of constraint they violate."""
    parts = [
        _clean(message)
        if isinstance(message := criterion.get("configuredFailureMessage"), str)
        else "a submission criterion without a message"
        for criterion in _objects(validation.get("submissionCriteria"))
        if criterion.get("result") == "INVALID"
    ]
    parameters = validation.get("parameters")
    for name, found in parameters.items() if isinstance(parameters, dict) else ():
        if isinstance(found, dict) and found.get("result") == "INVALID":
            kinds = sorted(
                {
                    kind
                    for constraint in _objects(found.get("evaluatedConstraints"))
                    if (kind := _matching(_NAME, constraint.get("type")))
                }
            )
            missing = " (required)" if found.get("required") is True else ""
            parts.append(f"parameter {_clean(str(name))}{missing}: {', '.join(kinds) or 'invalid'}")
    return "; ".join(parts)[:_DETAIL_LENGTH] or "the action's validation says INVALID"


def retry_after(reply: Reply, now: float) -> float | None:
    """Seconds that the server asks us to wait, from either form of `Retry-After` (RFC 9110, 10.2.3), clamped.

    A date counts from the answer's own `Date` if it has one, so that the clocks need not agree; otherwise from
    `now`, in seconds since the epoch.
    """
    seconds = _seconds(reply.retry_after, reply.date, now)
    if seconds is None:
        return LONG_WAIT if reply.retry_hint == "do-not-retry" else None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _seconds(value: str | None, date: str | None, now: float) -> float | None:
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text)
    when = _epoch(text)
    if when is None:
        return None
    sent = _epoch(date) if date is not None else None
    return when - (now if sent is None else sent)


def _epoch(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def whole_number(value: object) -> int | None:
    """A whole number, which Foundry may send as a number or as text; None: it is neither."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    return None


def scope_name(error: FoundryError) -> str | None:
    """The scope that the token lacks; None: Foundry does not name it."""
    return _matching(_NAME, error.parameters.get("missingScope"))


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _text(value: object) -> str:
    return _clean(value) if isinstance(value, str) else ""


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:200])


def _listed(value: object) -> str:
    names = (
        [_clean(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []
    )
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ",".join(sorted(names)[:_LISTED]) + more


def _objects(value: object) -> Iterable[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
