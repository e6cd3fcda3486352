"""event -> actions, lane and lookup: the owners' functions run here, and whatever they raise is caught."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from inspect import unwrap
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from consumer.contracts.actions import Action
from consumer.contracts.ask import Ask
from consumer.contracts.contract import Route
from consumer.contracts.events import Event
from consumer.contracts.meta import Meta
from consumer.errors import RAISED_BY_OWNERS, Rejected
from consumer.model import Call, Envelope, Ignored, Lookup, Record
from consumer.stages.cloudevents import moment
from consumer.stages.validate import describe


def map_event(
    event: Event, route: Route, record: Record, envelope: Envelope
) -> tuple[Call, ...] | Ignored:
    """What the route's function makes of the event, encoded as it will be sent.

    Raises:
        Rejected: `unmappable`: it raised, or returned something that cannot be sent or that it does
            not declare.
    """
    try:
        if route.meta_name is None:
            given: object = route.function(event)
        else:
            given = route.function(event, **{route.meta_name: meta_of(record, envelope)})
        if type(given) in route.actions:
            return (given.call(),)  # type: ignore[attr-defined]  # it is one of the route's actions
        if isinstance(given, Ignored):
            return Ignored(given.why, envelope.type)
        actions = (given,) if isinstance(given, Action) else _several(given)
        unfit = _unfit(actions, given, route)
        if unfit is None:
            # Encoding runs owners' serializers too.
            return tuple([action.call() for action in actions])
    except RAISED_BY_OWNERS as error:
        unfit = _raised(error, route)
    # Raised outside the handler, or the error chain would keep the event in memory and in tracebacks.
    raise _unmappable(route, unfit)


def lane_of(record: Record, event: Event, route: Route) -> Hashable | None:
    """The lane of the record: it keeps its order with all records of its topic that have the same; None: with none.

    Values that compare equal (1, 1.0, True) share a lane.

    Raises:
        Rejected: `unmappable`: `order_by` raised, or gave a value that cannot be a key.
    """
    if route.order is None:
        # One element longer than below, so that no key can ever equal a value.
        return None if record.key is None else (record.topic, "key", record.key)
    try:
        value = route.order(event)
        if type(value) is str:
            return (record.topic, value)
        hash(value)
        steady = bool(value == value)  # noqa: PLR0124 - false for NaN: each would be a lane of its own
    except RAISED_BY_OWNERS as error:
        fault = f"order_by raised {type(error).__name__}"
    else:
        if steady:
            return (record.topic, value)
        fault = "order_by gave a value that does not equal itself"
    raise _unmappable(route, fault)


def lookup_of(event: Event, route: Route, ask: Ask[Any]) -> Lookup:
    """How to read back whether the action was applied.

    Raises:
        Rejected: `unmappable`: a function given to `ask` raised, or returned no key.
    """
    try:
        return ask.lookup(event)
    except RAISED_BY_OWNERS as error:
        fault = f"ask raised {type(error).__name__}"
    raise _unmappable(route, fault)


def meta_of(record: Record, envelope: Envelope) -> Meta:
    """The record's coordinates and envelope, for functions that ask for them."""
    return Meta(
        id=envelope.id,
        type=envelope.type,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        source=envelope.source,
        time=None if envelope.time is None else moment(envelope.time),
        subject=envelope.subject,
        key=record.key,
        headers=record.headers,
    )


def _several(given: object) -> Sequence[Any]:
    if isinstance(given, Sequence) and not isinstance(given, str | bytes | bytearray):
        return given
    return ()


def _unfit(actions: Sequence[Any], given: object, route: Route) -> str | None:
    if not actions:
        if isinstance(given, list | tuple):
            return 'returned no action; where none is needed, return ignore("why")'
        return f"returned {type(given).__name__}, which is neither an action nor a sequence of them"
    for action in actions:
        if not isinstance(action, Action):
            return f"returned a sequence with {type(action).__name__}, which is not an action"
        if type(action) not in route.actions:
            # Nobody has checked what is not declared: neither `check` nor `doctor`.
            return f"returned {type(action).__name__}, which its annotation does not name"
    if len(actions) > 1 and route.repeat.claimed:
        return f'returned several actions, but repeat is "{route.repeat.value}"'
    return None


def _raised(error: BaseException, route: Route) -> str:
    if isinstance(error, ValidationError):
        return f"raised ValidationError: {describe(error, route.actions)}"
    # The message is the owner's, and may quote the event.
    return f"raised {type(error).__name__}{_place(error, route)}"


def _place(error: BaseException, route: Route) -> str:
    """The innermost line of the function's own file: what it calls elsewhere is seldom at fault."""
    code = getattr(unwrap(route.function), "__code__", None)
    found, traceback = "", error.__traceback__
    while code is not None and traceback is not None:
        if traceback.tb_frame.f_code.co_filename == code.co_filename:
            found = f" at {'/'.join(PurePath(code.co_filename).parts[-2:])}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


def _unmappable(route: Route, fault: str) -> Rejected:
    return Rejected("unmappable", f"{route.function.__qualname__} {fault}", stage="map")
