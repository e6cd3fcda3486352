"""`Contract`: one topic, and what becomes of each event type on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import (
    Any,
    Concatenate,
    Final,
    Generic,
    Literal,
    ParamSpec,
    TypeVar,
    overload,
)

from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from consumer.contracts._faults import calling_line, fault, is_text, line_of
from consumer.contracts._keys import has_hash
from consumer.contracts.actions import Action
from consumer.contracts.ask import Ask, reader
from consumer.contracts.events import Event
from consumer.contracts.mapping_functions import declared
from consumer.contracts.type_from import CloudEvents, Constant, TypeFrom, cloudevents, is_undeclared
from consumer.model import Ignored, Repeat

E = TypeVar("E", bound=Event)
Other = TypeVar("Other")
P = ParamSpec("P")
R = TypeVar("R", bound=Action | Sequence[Action] | Ignored)

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class Route:
    """What becomes of one event type on one topic."""

    event_type: str
    model: type[Event]
    function: Callable[..., Action | Sequence[Action] | Ignored]
    """Called with the event, and with the record's `Meta` as the keyword `meta_name` if that is set."""
    meta_name: str | None
    order: Callable[[Any], Hashable] | None
    """Gives the value that all events of a lane have in common; None: the Kafka key decides."""
    order_by: str | None
    """How `order` was written: a field's name, or the function's."""
    repeat: Repeat
    ask: Ask[Any] | None
    actions: tuple[type[Action], ...]
    """Every action class that the function may return."""
    several: bool
    """The function may return more than one action."""
    type_undeclared: bool = False
    """True: each record has its type in a field that the model does not know."""


class Contract:
    """One topic, and the routes of its event types. Complete once its module is imported.

    Raises:
        ContractError: the topic is no topic name, `type_from` is no rule for types, or `sources` cannot
            be checked or allows nothing.
    """

    def __init__(
        self,
        topic: str,
        *,
        sources: Collection[str] | None = None,
        type_from: TypeFrom | None = None,
    ) -> None:
        self.topic = _checked_topic(topic)
        self.type_from = _checked_type_from(topic, type_from)
        self.sources = _checked_sources(topic, sources, self.type_from)
        self.place = calling_line()
        self._routes: dict[str, Route] = {}
        self.routes: Mapping[str, Route] = MappingProxyType(self._routes)
        self.begun: dict[str, str] = {}
        """The types for which `on` was called, and where. One that has no route was given no function."""
        MADE.append(self)

    def __repr__(self) -> str:
        return f"Contract({self.topic!r})"

    def on(
        self,
        event_type: str,
        model: type[E],
        *,
        order_by: str | Callable[[E], Hashable] | None = None,
        repeat: Literal["safe", "create", "never"] | Ask[E] = "never",
    ) -> On[E]:
        """Map events of one type with the function below. It is returned unchanged, so decorators stack.

        `order_by`: a field of the event, or a function of it; equal values keep their order.
        `repeat`: what a second apply of the same action would do.

        Raises:
            ContractError: the contract is written wrongly; the message names file, name and remedy.
        """
        if not is_text(event_type):
            raise fault(
                f"{self.topic}: {event_type!r} is not an event type",
                remedy="give a non-empty string",
            )
        if not _is_event_class(model):
            raise fault(
                f"{self.topic}: {event_type!r} is given {model!r}, which is not an event class",
                remedy="write a subclass of consumer.contracts.Event",
            )
        _complete(model)
        if isinstance(self.type_from, Constant) and event_type != self.type_from.type:
            raise fault(
                f"{self.topic}: all its records are {self.type_from.type!r}, never {event_type!r}",
                remedy="name the constant's type, or take the type from elsewhere",
            )
        undeclared = is_undeclared(self.topic, self.type_from, model)
        self.begun[event_type] = calling_line()
        return On(self._routes, self.topic, event_type, model, order_by, repeat, undeclared)


MADE: Final[list[Contract]] = []
"""Every contract made in this process, so that one to which no module gives a name is noticed."""


@dataclass(frozen=True, slots=True)
class On(Generic[E]):
    """The decorator that `Contract.on` returns: it registers the function as a route."""

    routes: dict[str, Route]
    topic: str
    event_type: str
    model: type[E]
    order_by: str | Callable[[E], Hashable] | None
    repeat: str | Ask[E]
    type_undeclared: bool

    # The first overload lets one function map several event classes (`event: A | B`); the second is for type
    # checkers that cannot infer `Never` for `Other`. Both refuse a wrong event class.
    @overload
    def __call__(
        self, function: Callable[Concatenate[E | Other, P], R], /
    ) -> Callable[Concatenate[E | Other, P], R]: ...
    @overload
    def __call__(
        self, function: Callable[Concatenate[E, P], R], /
    ) -> Callable[Concatenate[E, P], R]: ...
    def __call__(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        place = f"{line_of(function)}: {getattr(function, '__qualname__', function)!s}"
        earlier = self.routes.get(self.event_type)
        if earlier is not None:
            raise fault(
                f"{self.event_type!r} on {self.topic} is already mapped, "
                f"by {earlier.function.__qualname__} at {line_of(earlier.function)}",
                remedy="keep one function for each type",
                where=place,
            )
        self.routes[self.event_type] = self._route(function, place)
        return function

    def _route(self, function: Callable[..., Any], place: str) -> Route:
        says = declared(function, self.model)
        repeat, ask = self._checked_repeat(place)
        if says.several and repeat.claimed:
            raise fault(
                f'may return several actions, but repeat is "{repeat.value}"',
                remedy='return one action, or make the route "safe" or "create"',
                where=place,
            )
        return Route(
            event_type=self.event_type,
            model=self.model,
            function=function,
            meta_name=says.meta_name,
            order=self._checked_order(place),
            order_by=_written(self.order_by),
            repeat=repeat,
            ask=ask,
            actions=says.actions,
            several=says.several,
            type_undeclared=self.type_undeclared,
        )

    def _checked_repeat(self, place: str) -> tuple[Repeat, Ask[E] | None]:
        if isinstance(self.repeat, Ask):
            return Repeat.ASK, self.repeat.for_model(self.model, place)
        if self.repeat not in ("safe", "create", "never"):
            raise fault(
                f"{self.event_type!r} has repeat={self.repeat!r}",
                remedy='write "safe", "create", "never" or ask(...)',
                where=place,
            )
        return Repeat(self.repeat), None

    def _checked_order(self, place: str) -> Callable[[E], Hashable] | None:
        if self.order_by is None:
            return None
        order = reader(self.model, self.order_by, "order_by", place)
        if isinstance(self.order_by, str) and not has_hash(
            self.model.model_fields[self.order_by].annotation
        ):
            raise fault(
                f"order_by={self.order_by!r} is a field whose values cannot be compared as keys",
                remedy="order by a field of a plain type, or give a function of the event",
                where=place,
            )
        return order


def ignore(why: str) -> Ignored:
    """What a mapping function returns for an event that needs no action: there is no letter, but it is counted.

    `why` is what an example expects: a constant, without values of the event.

    Raises:
        ContractError: it is empty.
    """
    if not is_text(why) or not why.strip():
        raise fault("ignore() gives no reason", remedy='write ignore("why")')
    return Ignored(why)


def _written(order_by: str | Callable[[Any], Hashable] | None) -> str | None:
    if order_by is None or isinstance(order_by, str):
        return order_by
    return getattr(order_by, "__name__", None) or type(order_by).__name__


def _checked_topic(topic: str) -> str:
    if not is_text(topic) or not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise fault(
            f"{topic!r} is not a topic name",
            remedy="use 1 to 249 of the characters A-Z a-z 0-9 . _ -",
        )
    return topic


def _checked_type_from(topic: str, type_from: object) -> TypeFrom:
    if type_from is None:
        return cloudevents()
    # Owners' code may not be type-checked, and a string or an uncalled function would fail every record.
    if not isinstance(type_from, TypeFrom):
        raise fault(
            f"{topic}: type_from={type_from!r} is not a rule for finding the type",
            remedy='write cloudevents(), header("name"), field("name") or constant("type")',
        )
    return type_from


def _checked_sources(
    topic: str, sources: Collection[str] | None, type_from: TypeFrom
) -> frozenset[str] | None:
    if sources is None:
        return None
    if not isinstance(type_from, CloudEvents):
        raise fault(
            f"{topic}: sources belong to CloudEvents, but the type is found by {type_from!r}",
            remedy="leave sources out: such records have no source",
        )
    if not _lists_texts(sources):
        raise fault(
            f"{topic}: sources={sources!r} is not a list of sources",
            remedy='write sources=["/one", "/another"], or None to allow all',
        )
    return frozenset(sources)


def _lists_texts(given: object) -> bool:
    if isinstance(given, str) or not isinstance(given, Collection):
        return False
    return bool(given) and all(map(is_text, given))


def _complete(model: type[Event]) -> None:
    """Resolve the class's forward references now rather than at the first record."""
    try:
        model.model_rebuild()
    except (PydanticUndefinedAnnotation, PydanticUserError) as error:
        raise fault(
            f"event class {model.__name__} is not complete ({error.message})",
            remedy="define or import what its fields name, at run time and above this line",
        ) from error


def _is_event_class(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, Event) and model is not Event
