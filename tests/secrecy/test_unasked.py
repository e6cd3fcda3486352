"""What libraries, asyncio and the interpreter say by themselves: it is told, and quotes nothing."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import consumer
from consumer.telemetry import tell_of_loop, tell_through_the_log
from tests.secrecy.marks import MARK, SECRET, told
from tests.telemetry.values import Lines, logged

FOREIGN = logging.getLogger("aiokafka.consumer.fetcher")
ROOT = Path(consumer.__file__).parent.parent


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The process's log, with the hooks put back afterwards."""
    for owner, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, hook, getattr(owner, hook))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with logged(level="debug") as kept:
        tell_through_the_log()
        yield kept


def broken(text: str = f"{MARK} {SECRET}") -> ValueError:
    """With a traceback, as it would have."""
    try:
        raise_it(text)
    except ValueError as error:
        return error
    raise AssertionError("it was raised")


def raise_it(text: str) -> None:
    raise ValueError(text)


# Log lines of libraries --------------------------------------------------------------------------


FOREIGN_LINES: Mapping[str, Callable[[], object]] = {
    "argument": lambda: FOREIGN.error("Failed fetch from %s: %r", 1, broken()),
    "named argument": lambda: FOREIGN.error("Failed: %(error)s", {"error": broken()}),
    "message": lambda: FOREIGN.error(broken()),
    "traceback": lambda: FOREIGN.error("Failed", exc_info=broken()),
    "bytes": lambda: FOREIGN.error("%r", UnicodeDecodeError("utf-8", MARK.encode(), 0, 1, "x")),
}


@pytest.mark.parametrize("log", FOREIGN_LINES.values(), ids=FOREIGN_LINES)
def test_a_foreign_line_names_an_error_by_its_class(
    lines: Lines, log: Callable[[], object]
) -> None:
    log()

    assert not told(lines.text)
    assert "ValueError" in lines.text or "UnicodeDecodeError" in lines.text


def test_a_foreign_line_keeps_the_words_of_the_network(lines: Lines) -> None:
    FOREIGN.warning("Unable connect to node with id %s: %s", 1, OSError(111, "refused"))

    (line,) = lines.all
    assert line["event"] == (
        "Unable connect to node with id 1: ConnectionRefusedError: [Errno 111] refused"
    )


def test_a_line_that_cannot_be_made_is_told_by_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The standard way prints its arguments to stderr."""
    with logged() as lines:
        FOREIGN.info("%d records", MARK)

    (line,) = lines.all
    assert line["event"].startswith("a line of test_unasked.py:")
    assert not told(lines.text + "".join(capsys.readouterr()))


# Warnings, threads, destructors ------------------------------------------------------------------


def test_a_warning_is_told_by_class_and_place(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = sys.modules["consumer.telemetry.unasked"]._warned
        warnings.warn(f"Expected `str` [input_value={MARK!r}]", UserWarning, stacklevel=1)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    quoting, harmless = lines.all
    assert not told(lines.text)
    assert quoting["category"] == "UserWarning"
    assert quoting["at"].startswith("secrecy/test_unasked.py:")
    assert "text" not in quoting
    assert harmless["text"] == "old"


def test_a_thread_that_fails_is_told_and_not_quoted(lines: Lines) -> None:
    def fail() -> None:
        raise broken()

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()

    (line,) = lines.all
    assert line["event"] == "a thread ended by an error"
    assert line["error"][0].startswith("ValueError at ")
    assert not told(lines.text)


def test_an_error_in_a_destructor_is_told_and_not_quoted(lines: Lines) -> None:
    class Holder:
        def __del__(self) -> None:
            raise broken()

    Holder()
    gc.collect()

    (line,) = lines.all
    assert line["error"][0].startswith("ValueError at ")
    assert not told(lines.text)


# The event loop ----------------------------------------------------------------------------------


class Result(str):
    """A result that shows itself, as the library's records do."""

    __slots__ = ()


async def _task_that_nobody_awaits() -> None:
    async def fail() -> None:
        raise broken()

    task = asyncio.create_task(fail(), name="letter t/0/1")
    await asyncio.wait([task])
    del task
    gc.collect()


async def _callback_with_arguments() -> None:
    def fail(*_: object) -> None:
        raise broken()

    loop = asyncio.get_running_loop()
    loop.call_soon(fail, MARK)
    loop.call_soon(functools.partial(fail, MARK), SECRET)
    await asyncio.sleep(0.01)


async def _slow_steps() -> None:
    """In debug mode asyncio names what took long, with results and arguments."""
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0.001

    async def slow() -> Result:
        time.sleep(0.01)  # noqa: ASYNC251 - that is the fault
        return Result(MARK)

    def late(_: object) -> None:
        time.sleep(0.01)

    loop.call_soon(late, MARK)
    await asyncio.create_task(slow())


async def _generator_left_open() -> None:
    async def generate() -> Any:
        try:
            yield MARK
        finally:
            await asyncio.sleep(0)
            raise broken()

    async for _ in generate():
        break
    gc.collect()
    await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (_task_that_nobody_awaits, "Task exception was never retrieved"),
        (_callback_with_arguments, "Exception in callback"),
        (_slow_steps, "Executing"),
        (_generator_left_open, "GeneratorExit"),
    ],
)
def test_the_loop_tells_of_its_trouble_and_quotes_nothing(
    lines: Lines, trouble: Callable[[], Any], says: str
) -> None:
    async def main() -> None:
        tell_of_loop()
        await trouble()

    asyncio.run(main(), debug=True)

    assert says in lines.text
    assert not told(lines.text)


# A process that dies -----------------------------------------------------------------------------

CRASHES = {
    "error": "raise ValueError(MARK + SECRET)",
    "group": "raise BaseExceptionGroup(MARK, [ValueError(MARK), KeyboardInterrupt(SECRET)])",
    "exit": "raise SystemExit(MARK + SECRET)",
    "chain": "raise KeyError(MARK) from ValueError(SECRET)",
}
PROGRAM = """
import sys
import click
from consumer import __main__, cli
from consumer.telemetry import configure_logging, tell_through_the_log
from tests.secrecy.marks import MARK, SECRET

@cli.main.command()
def crash():
    if {logs}:
        configure_logging(level="debug", format={form!r}, secrets=tuple, stream=sys.stderr)
        tell_through_the_log()
    {crash}

sys.argv[1:] = ["crash"]
__main__.main()
"""


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("form", [None, "json", "console"])
def test_a_crash_says_where_and_not_what(crash: str, form: str | None) -> None:
    program = PROGRAM.format(logs=form is not None, form=form, crash=CRASHES[crash])

    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-X", "dev", "-c", program],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
        cwd=ROOT,
    )

    assert ended.returncode == 1, ended.stderr
    assert "bug" in ended.stderr
    assert " at " in ended.stderr
    assert not told(ended.stdout + ended.stderr)
