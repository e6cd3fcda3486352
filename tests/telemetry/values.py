"""Values that the telemetry tests speak of, and a log that is kept."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from consumer.model import ActionType, Call, Headers, PlainRecord, Prepared, Repeat, Request
from consumer.outcomes import Answer
from consumer.telemetry import configure_logging

TYPE = ActionType("create-ticket")
TIMEOUT = Answer("timeout", detail="canary-of-foundry", status=504, error_instance_id="e-1")


class Lines:
    """What was logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.all if line["event"] == event]


@contextmanager
def logged(
    *,
    secrets: Callable[[], Iterable[str]] = tuple,
    level: Literal["debug", "info"] = "info",
    form: Literal["json", "console"] = "json",
) -> Iterator[Lines]:
    """The process's log, and afterwards the log as it was."""
    lines = Lines()
    root, ours = logging.root, logging.getLogger("consumer")
    before = root.handlers[:], root.level, ours.level
    configure_logging(level=level, format=form, secrets=secrets, stream=lines.stream)
    try:
        yield lines
    finally:
        root.handlers[:], root.level, ours.level = before


def record(offset: int = 7, headers: Headers = (), topic: str = "tickets") -> PlainRecord:
    return PlainRecord(topic, 3, offset, key=b"canary-key", value=b"canary-value", headers=headers)


def prepared(about: PlainRecord, *, calls: int = 1, event_id: str = "e-7") -> Prepared:
    call = Call(TYPE, b'{"title":"canary-value"}')
    return Prepared(
        record=about,
        event_id=event_id,
        event_type="opened.v1",
        lane="canary-lane",
        repeat=Repeat.SAFE,
        calls=(call,) * calls,
        size=10,
    )


def request(*entries: Prepared) -> Request:
    return Request(TYPE, [e.call.parameters for e in entries], entries, may_send=lambda: True)
