"""Where in the owners' code a contract is wrong: every `ContractError` names file, line and remedy."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from consumer.errors import ContractError

# Frames of these modules are never the owners' code: they only run it.
_OURS = ("consumer.contracts", "pydantic", "pydantic_core", "importlib", "abc")


def fault(what: str, *, remedy: str, where: str | None = None) -> ContractError:
    """The error to raise; without `where` it names the nearest line of the owners' code."""
    return ContractError(f"{where or calling_line()}: {what}; {remedy}")


def calling_line() -> str:
    """`file:line` of the owners' statement that is running now."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect.stack reads every source file
    while frame is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return "<unknown>" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def line_of(function: Callable[..., Any]) -> str:
    """`file:line` where a function is defined."""
    code = getattr(function, "__code__", None)
    return calling_line() if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def line_in_traceback(error: BaseException, inside: Path | None) -> str | None:
    """`file:line` of the innermost frame whose file is below the folder `inside`; None: there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    found = None
    traceback = error.__traceback__
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        if inside is not None and Path(filename).is_relative_to(inside):
            found = f"{filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


def refuse_keywords(whose: str, given: Mapping[str, object], known: str) -> None:
    """Refuse keywords of a class definition that mean nothing.

    Raises:
        ContractError: there are any.
    """
    if given:
        raise fault(f"{whose} is given {', '.join(given)}", remedy=f"its keywords are {known}")


def refuse_config(
    whose: str, config: Mapping[str, object], kept: Mapping[str, tuple[object, ...]], remedy: str
) -> None:
    """Refuse a configuration in which a key of `kept` has another value than those listed there.

    Raises:
        ContractError: it is so.
    """
    for name, values in kept.items():
        if (given := config.get(name)) not in values:
            raise fault(f"{whose} has {name}={given!r} in its model_config", remedy=remedy)


def is_text(value: object) -> bool:
    """A non-empty string; owners' code may not be type-checked."""
    return isinstance(value, str) and bool(value)


def _is_ours(module: str) -> bool:
    return any(module == ours or module.startswith(f"{ours}.") for ours in _OURS)
