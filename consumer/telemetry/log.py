"""One line per event: key-values, as JSON or for a terminal. Hostile text is escaped, secrets are removed."""

from __future__ import annotations

import base64
import json
import logging
import math
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO
from urllib.parse import quote, quote_plus

from consumer.errors import ConsumerError

OURS = "consumer"
LONGEST_VALUE = 500
LONGEST_ERROR = 2000
LONGEST_ID = 128
MOST_FRAMES = 20
MOST_CAUSES = 3
REDACTED = "***"
_CREDENTIAL = re.compile(r"\b([Bb]earer|Basic)\s+[^\s,;'\"]+")


def say(logger: logging.Logger, level: int, event: str, /, **fields: object) -> None:
    """Log one event; a field that is None is left out."""
    logger.log(level, event, extra={"fields": {k: v for k, v in fields.items() if v is not None}})


def line(logger: logging.Logger, level: int, event: str, /, **fields: object) -> str:
    """The line that `say` would write, for callers that must not wait for the log's lock."""
    extra = {"fields": {k: v for k, v in fields.items() if v is not None}}
    record = logger.makeRecord(logger.name, level, "", 0, event, (), None, extra=extra)
    handlers = logging.root.handlers
    return handlers[0].format(record) if handlers else f"{event} {extra['fields']}"


def escaped(text: str, limit: int = LONGEST_VALUE) -> str:
    """The text, shortened, and unable to break a line, colour a terminal or reverse its direction."""
    if len(text) > limit:
        text = f"{text[:limit]}...({len(text)} characters)"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class Redaction:
    """Removes known secrets from a text, in every form in which they occur, and whatever looks like a credential."""

    def __init__(self, secrets: Callable[[], Iterable[str]]) -> None:
        self._secrets = secrets
        self._known: frozenset[str] = frozenset()
        self._forms: tuple[str, ...] = ()

    def learn(self) -> None:
        """Ask for the secrets again, as they rotate. Called once per line."""
        known = frozenset(self._secrets())
        if known != self._known:
            forms = {form for secret in known for form in _forms(secret)}
            self._known, self._forms = known, tuple(sorted(forms, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text with each secret as `***`."""
        for form in self._forms:
            text = text.replace(form, REDACTED)
        return _CREDENTIAL.sub(rf"\1 {REDACTED}", text)


def _forms(secret: str) -> Iterator[str]:
    if not secret:
        return
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield ascii(secret)[1:-1]
    yield base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode()


class _Lines(logging.Formatter):
    """What both formats have in common: the fields of a record, cleaned."""

    def __init__(self, redact: Redaction) -> None:
        super().__init__()
        self._redact = redact

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        self._redact.learn()
        found: dict[str, Any] = {"event": self._clean(message(record))}
        for key, value in getattr(record, "fields", {}).items():
            found[key] = self._clean(value)
        if record.exc_info and record.exc_info[1] is not None:
            found["error"] = [
                escaped(self._redact(text), LONGEST_ERROR) for text in causes(record.exc_info[1])
            ]
        return found

    def _clean(self, value: object) -> object:
        # Redacted before it is encoded: encoding would change a secret's form, and a secret such as a quotation
        # mark would break the line.
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        return escaped(self._redact(str(value)))


class JsonLines(_Lines):
    """One JSON object a line, ASCII only."""

    def format(self, record: logging.LogRecord) -> str:
        head = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        return json.dumps(head | self.fields(record))


class ConsoleLines(_Lines):
    """For people: time, level, event, then key=value."""

    def format(self, record: logging.LogRecord) -> str:
        fields = self.fields(record)
        event, errors = fields.pop("event"), fields.pop("error", [])
        head = f"{_time(record):%H:%M:%S.%f}"[:-3]
        pairs = "".join(f" {key}={_quoted(value)}" for key, value in fields.items())
        origin = "" if record.name.split(".")[0] == OURS else f" [{record.name}]"
        tail = "".join(f"\n    {text}" for text in errors)
        return f"{head} {record.levelname.lower():<7} {event}{origin}{pairs}{tail}"


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _quoted(value: object) -> str:
    text = str(value)
    if text and not any(c in ' "=\\' for c in text):
        return text
    return json.dumps(text, ensure_ascii=False)


def causes(error: BaseException | None) -> Iterator[str]:
    """The error and what caused it: class, and frames from the innermost outwards.

    The text of a foreign error may quote an event, so it is shown only for our own errors and the operating
    system's.
    """
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        text = f": {error}" if isinstance(error, ConsumerError | OSError) else ""
        frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
        where = " < ".join(
            f"{'/'.join(f.filename.split('/')[-2:])}:{f.lineno} {f.name}" for f in reversed(frames)
        )
        yield f"{type(error).__name__}{text}{f' at {where}' if where else ''}"
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions[:MOST_CAUSES]:
                yield from causes(inner)
        hidden = error.__suppress_context__
        error = error.__cause__ or (None if hidden else error.__context__)


def message(record: logging.LogRecord) -> str:
    """The text of a log record. In foreign ones an error appears only by its class, as its text may quote an event."""
    if record.name.split(".")[0] == OURS:
        return record.getMessage()
    # asyncio's debug mode shows tasks with their results, and callbacks with their arguments.
    wary = record.name.split(".")[0] == "asyncio"
    text, args = str(_argument(record.msg)), record.args
    if isinstance(args, tuple) and args:
        return text % tuple(_argument(each, wary=wary) for each in args)
    if isinstance(args, Mapping) and args:
        return text % {key: _argument(each, wary=wary) for key, each in args.items()}
    return text


def _argument(value: object, *, wary: bool = False) -> object:
    if isinstance(value, BaseException):
        name, known = type(value).__name__, isinstance(value, ConsumerError | OSError)
        text = str(value) if known or _is_kafkas(value) else ""
        return text if name in text else f"{name}: {text}" if text else name
    if not wary or isinstance(value, int | float):
        return value
    # Already formatted: cut before the arguments.
    return value.partition("(")[0] if isinstance(value, str) else type(value).__name__


def _is_kafkas(error: BaseException) -> bool:
    """Errors of the Kafka client may be shown: they name brokers, topics and offsets, never values."""
    return type(error).__module__ == "aiokafka.errors"


class _Handler(logging.StreamHandler[TextIO]):
    """Reports a line that cannot be formatted by its place; the standard handler would show its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        if self.stream.closed or isinstance(sys.exception(), OSError):
            return  # the stream itself is gone, so there is nowhere to report it
        place = f"{record.filename}:{record.lineno}"
        self.stream.write(self.format(_broken(record, f"a line of {place} cannot be shown")))
        self.stream.write(self.terminator)


def _broken(record: logging.LogRecord, text: str) -> logging.LogRecord:
    return logging.LogRecord(
        OURS, logging.ERROR, record.pathname, record.lineno, text, None, None, record.funcName
    )


def _fit_to_show(record: logging.LogRecord) -> bool:
    """Foreign loggers only from `info` up: the Kafka client logs passwords at `debug`."""
    return record.levelno >= logging.INFO or record.name.split(".")[0] == OURS


def configure_logging(
    *,
    level: Literal["debug", "info", "warning", "error"],
    format: Literal["json", "console"] | None,  # noqa: A002 - the setting's name
    secrets: Callable[[], Iterable[str]],
    stream: TextIO,
) -> None:
    """Send everything that is logged in this process to `stream`, and nowhere else."""
    console = stream.isatty() if format is None else format == "console"
    redact = Redaction(secrets)
    handler = _Handler(stream)
    handler.setFormatter(ConsoleLines(redact) if console else JsonLines(redact))
    handler.addFilter(_fit_to_show)
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(max(number, logging.INFO))
    logging.getLogger(OURS).setLevel(number)
