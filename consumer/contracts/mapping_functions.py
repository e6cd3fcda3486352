"""What a mapping function declares: its event, whether it takes `Meta`, and the actions that it may return."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from consumer.contracts._faults import fault, line_of
from consumer.contracts.actions import Action
from consumer.contracts.events import Event
from consumer.contracts.meta import Meta
from consumer.model import Ignored

_SEQUENCES = (list, tuple, Sequence, Collection)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the annotations of a function say."""

    actions: tuple[type[Action], ...]
    several: bool
    """It may return more than one action."""
    meta_name: str | None
    """The parameter that takes the record's `Meta`; None: there is none."""


def declared(function: Callable[..., Any], model: type[Event]) -> Declared:
    """Read a mapping function's annotations.

    Raises:
        ContractError: they are missing, or do not fit a mapping of `model`.
    """
    place = f"{line_of(function)}: {getattr(function, '__qualname__', function)!s}"
    if not inspect.isfunction(function) or _is_lazy(function):
        raise fault(
            "a mapping must be a plain function",
            remedy="write `def name(event: ...) -> ...`: no async, no generator, no class",
            where=place,
        )
    hints = _hints(function, place)
    meta_name = _check_parameters(function, model, hints, place)
    if "return" not in hints:
        raise fault("does not say what it returns", remedy="annotate the action class", where=place)
    found = tuple(_results(hints["return"], place, nested=False))
    actions = tuple(dict.fromkeys(kind for kind, _ in found if kind is not None))
    return Declared(actions, any(several for _, several in found), meta_name)


def _is_lazy(function: Callable[..., Any]) -> bool:
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    )


def _hints(function: Callable[..., Any], place: str) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError) as error:
        raise fault(
            f"its annotations cannot be read ({error})",
            remedy="import the names at run time, not under TYPE_CHECKING, above the function",
            where=place,
        ) from error


def _check_parameters(
    function: Callable[..., Any], model: type[Event], hints: dict[str, Any], place: str
) -> str | None:
    parameters = list(inspect.signature(function).parameters.values())
    if not parameters or parameters[0].kind not in (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    ):
        raise fault("takes no event", remedy=f"write (event: {model.__name__}) first", where=place)
    first, *others = parameters
    taken = hints.get(first.name)
    if taken is None or not any(_takes(kind, model) for kind in _members(taken)):
        raise fault(
            f"its parameter {first.name!r} is {_name(taken)}, but it is given {model.__name__}",
            remedy=f"annotate {first.name}: {model.__name__}",
            where=place,
        )
    for other in others:
        nameable = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        if hints.get(other.name) is not Meta or len(others) > 1 or other.kind not in nameable:
            raise fault(
                f"its parameter {other.name!r} gets no value",
                remedy="besides the event, only one parameter is allowed, annotated `Meta`",
                where=place,
            )
    return others[0].name if others else None


def _takes(kind: Any, model: type[Event]) -> bool:
    return isinstance(kind, type) and issubclass(model, kind)


def _results(
    annotation: Any, place: str, *, nested: bool
) -> Iterator[tuple[type[Action] | None, bool]]:
    """(action class or None for `Ignored`, whether it is in a sequence) for each possible result."""
    for kind in _members(annotation):
        if kind is Ignored and not nested:
            yield None, False
        elif isinstance(kind, type) and issubclass(kind, Action) and kind is not Action:
            yield kind, nested
        elif get_origin(kind) in _SEQUENCES and get_args(kind) and not nested:
            for item in get_args(kind):
                if item is not Ellipsis:
                    yield from _results(item, place, nested=True)
        else:
            raise fault(
                f"returns {_name(kind)}, which is not an action",
                remedy="return an action class, a list or tuple of action classes, or `Ignored`",
                where=place,
            )


def _members(annotation: Any) -> Iterator[Any]:
    """The members of a union, with aliases resolved; the annotation itself if it is not a union."""
    annotation = getattr(annotation, "__value__", annotation)
    if get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _name(annotation: Any) -> str:
    if annotation is None:
        return "not annotated"
    if annotation is NoneType:
        return "None"
    return getattr(annotation, "__name__", None) or str(annotation)
