"""What is said of Kafka: in key-values by us; by the library never below INFO, where it writes passwords, nor in floods."""

from __future__ import annotations

import logging
from collections.abc import Mapping

PER_WINDOW = 5
WINDOW = 60.0


class Modest(logging.Filter):
    """Lets the first few of each message through a minute; the next minute's first one says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO:
            return False
        template = str(record.msg)
        began, count = self._seen.get(template, (record.created, 0))
        if record.created - began >= WINDOW:
            if count > PER_WINDOW:
                # Not filled in here: whoever writes the line knows what of its arguments may be shown.
                record.msg = f"{template} ({count - PER_WINDOW} like it left out)"
            began, count = record.created, 0
        self._seen[template] = (began, count + 1)
        return count < PER_WINDOW


def fields(**values: object) -> Mapping[str, object]:
    """For a log call's `extra`: the key-values of the line."""
    return {"fields": values}


def quiet_library_logs() -> None:
    """In code, not only by configuration: a log level raised to look for a fault must not show a secret."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "aiokafka"]
    for name in ("aiokafka", *names):
        logger = logging.getLogger(name)
        # A filter of a parent does not see what its children write: each has its own.
        if not any(isinstance(each, Modest) for each in logger.filters):
            logger.addFilter(Modest())
