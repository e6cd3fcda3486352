"""Warnings, uncaught errors and trouble of the event loop go through the log, and never quote an event."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import warnings
from types import TracebackType
from typing import Any, Final, TextIO

from consumer.telemetry.log import say

_HARMLESS: Final = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning)
"""Warnings whose text is shown. Others may quote a value: pydantic's serializer does."""
_log = logging.getLogger(__name__)


def tell_through_the_log() -> None:
    """Send this process's warnings and uncaught errors to the log, by class and place, without their text."""
    warnings.showwarning = _warned
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _ended_thread


def tell_of_loop() -> None:
    """Likewise for what goes wrong in the running loop, which itself would show results, arguments and exceptions."""
    asyncio.get_running_loop().set_exception_handler(_amiss)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del file, line  # wherever it should have gone, it goes to the log
    text = str(message) if issubclass(category, _HARMLESS) else None
    say(
        _log,
        logging.WARNING,
        "warning",
        category=category.__name__,
        at=f"{'/'.join(filename.split('/')[-2:])}:{lineno}",
        text=text,
    )


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    del kind, trace
    _log.critical("stopped by a bug", exc_info=error)


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    # While the interpreter shuts down, whatever is freed may fail, and nothing can be logged any more.
    if not sys.is_finalizing():
        _log.error("an error that could not be raised", exc_info=found.exc_value)


def _ended_thread(found: threading.ExceptHookArgs) -> None:
    _log.error("a thread ended by an error", exc_info=found.exc_value)


def _amiss(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    del loop
    task = context.get("task") or context.get("future")
    name = task.get_name() if isinstance(task, asyncio.Task) else None
    # "Exception in callback f(...)": cut before the arguments.
    what = str(context.get("message") or "").partition("(")[0]
    fields = {"what": what} if name is None else {"what": what, "task": name}
    _log.error(
        "error in the event loop", exc_info=context.get("exception"), extra={"fields": fields}
    )
