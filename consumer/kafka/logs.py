"""Log lines about Kafka: ours as key-values, the library's never below INFO (where it logs passwords) nor in floods."""

from __future__ import annotations

import logging
from collections.abc import Mapping

PER_WINDOW = 5
WINDOW = 60.0


class Modest(logging.Filter):
    """Lets through the first few of each message in a minute; the next minute's first one says how many were left out."""

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
                # Arguments are not filled in here: the formatter knows which of them may be shown.
                record.msg = f"{template} ({count - PER_WINDOW} like it left out)"
            began, count = record.created, 0
        self._seen[template] = (began, count + 1)
        return count < PER_WINDOW


def fields(**values: object) -> Mapping[str, object]:
    """The key-values of a line, for a log call's `extra`."""
    return {"fields": values}


def quiet_library_logs() -> None:
    """Done in code, not only by configuration: a log level set to find a fault must not reveal a secret."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "aiokafka"]
    for name in ("aiokafka", *names):
        logger = logging.getLogger(name)
        # A logger's filter does not see what its children log, so each gets its own.
        if not any(isinstance(each, Modest) for each in logger.filters):
            logger.addFilter(Modest())
