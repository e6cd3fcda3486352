"""What an example's record shows beyond its outcome. Only for its owner: it quotes what no letter and no log may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from consumer.contracts import Action, Contract, Event, Route
from consumer.contracts._faults import line_in_traceback
from consumer.contracts.events import unknown_names
from consumer.contracts.type_from import Field_
from consumer.errors import RAISED_BY_OWNERS, Rejected
from consumer.model import Envelope, Record
from consumer.stages.decode import decode
from consumer.stages.headers import Caps
from consumer.stages.mapping import meta_of
from consumer.stages.route import find_route
from consumer.stages.validate import validate


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found; empty if the record is no event of the contract."""

    unknown: Sequence[tuple[str, str]] = ()
    """Fields that are in the event but not in the model: path, and the model's name."""
    raised: str | None = None
    """What an owner's function raised: file, line and text."""


def look(record: Record, contract: Contract, folder: Path) -> Seen:
    """Run the owners' functions once more. `folder`: that of the contracts, to find the line of an error there."""
    try:
        envelope = decode(record, contract.type_from, Caps())
        route = find_route(envelope, contract.routes)
        event = validate(envelope, route.model)
    except Rejected:
        return Seen()
    unknown = dict.fromkeys(unknown_names(event))
    if route.type_undeclared and isinstance(contract.type_from, Field_):
        unknown.pop((contract.type_from.name, route.model.__name__), None)
    try:
        _map(event, route, record, envelope)
    except RAISED_BY_OWNERS as error:
        place = _place(error, folder) or route.function.__qualname__
        return Seen(
            tuple(unknown), f"{place}: {type(error).__name__}: {' '.join(str(error).split())}"
        )
    return Seen(tuple(unknown))


def _map(event: Event, route: Route, record: Record, envelope: Envelope) -> None:
    """Run all the owners' code that runs for a record, in the order of the pipeline."""
    meta = {} if route.meta_name is None else {route.meta_name: meta_of(record, envelope)}
    given = route.function(event, **meta)
    for action in given if isinstance(given, Sequence) else (given,):
        if isinstance(action, Action):
            action.call()
    if route.order is not None:
        hash(route.order(event))
    if route.ask is not None:
        route.ask.lookup(event)


def _place(error: BaseException, folder: Path) -> str | None:
    place = line_in_traceback(error, folder)
    return None if place is None else place.removeprefix(f"{folder.parent}/")
