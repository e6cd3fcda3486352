"""The headers of a dead letter: the record's own first, then why and where it failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from consumer.model import Letter

Header = tuple[str, bytes | None]

DETAILS: Final = frozenset({"dlq.detail", "__connect.errors.exception.message"})
"""Headers that a letter can do without, if the topic refuses it for its size."""
TRACE: Final = "traceparent"
OWN: Final = frozenset(
    {
        "dlq.reason",
        "dlq.detail",
        "dlq.topic",
        "dlq.partition",
        "dlq.offset",
        "dlq.timestamp",
        "dlq.time",
        "dlq.type",
        "dlq.action",
        "dlq.attempts",
        "dlq.error_name",
        "dlq.error_instance_id",
        "dlq.applied",
        "dlq.redriven",
        "dlq.null",
        "__connect.errors.topic",
        "__connect.errors.partition",
        "__connect.errors.offset",
        "__connect.errors.exception.class.name",
        "__connect.errors.exception.message",
        "__connect.errors.stage",
    }
)
"""Headers that this service writes. Those of an earlier letter are replaced, so they never pile up."""


def letter_headers(letter: Letter, now: datetime, *, details: bool = True) -> list[Header]:
    """All headers of the letter, in order. What is unknown is left out; text is UTF-8.

    `details=False` leaves out those that may be long.
    """
    replaced = OWN | {TRACE} if letter.traceparent else OWN
    headers: list[Header] = [each for each in letter.record.headers if each[0] not in replaced]
    if letter.traceparent:
        headers.append((TRACE, letter.traceparent.encode()))
    headers += [
        (name, _text(value))
        for name, value in _told(letter, now)
        if value is not None and (details or name not in DETAILS)
    ]
    return headers


def null_value(letter: Letter) -> bytes | None:
    """The value to be written: a record with neither key nor value cannot be produced, so its value becomes empty."""
    return b"" if _is_nothing(letter) else letter.record.value


def _told(letter: Letter, now: datetime) -> Iterator[tuple[str, str | int | None]]:
    record, answer = letter.record, letter.answer
    yield "dlq.reason", letter.reason
    yield "dlq.detail", letter.detail
    yield "dlq.topic", record.topic
    yield "dlq.partition", record.partition
    yield "dlq.offset", record.offset
    yield "dlq.timestamp", record.timestamp
    yield "dlq.time", now.isoformat(timespec="milliseconds")
    yield "dlq.type", letter.event_type
    yield "dlq.action", letter.action
    yield "dlq.attempts", letter.attempts
    yield "dlq.error_name", answer.error_name if answer else None
    yield "dlq.error_instance_id", answer.error_instance_id if answer else None
    yield "dlq.applied", letter.applied
    yield "dlq.redriven", letter.redriven
    yield "dlq.null", "value" if _is_nothing(letter) else None
    yield "__connect.errors.topic", record.topic
    yield "__connect.errors.partition", record.partition
    yield "__connect.errors.offset", record.offset
    yield "__connect.errors.exception.class.name", f"consumer.Rejected.{letter.reason}"
    yield "__connect.errors.exception.message", letter.detail
    yield "__connect.errors.stage", letter.stage


def _is_nothing(letter: Letter) -> bool:
    return letter.record.key is None and letter.record.value is None


def _text(value: str | int) -> bytes:
    # A lone surrogate, which JSON allows, has no UTF-8 form: no reason to lose the letter.
    return str(value).encode("utf-8", "backslashreplace")
