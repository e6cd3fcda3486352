"""`ask`: how to find out whether an action has been applied, before it is sent again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from pydantic_core import to_jsonable_python

from consumer.contracts._faults import fault, is_text
from consumer.contracts._keys import may_be_primary_key
from consumer.contracts.events import Event
from consumer.model import Lookup

LONGEST_KEY: Final = 4_000
"""Most characters of a quoted primary key in a URL: servers and proxies accept lines of some 8,000, host and path included."""
LONGEST_SEARCH_VALUE: Final = 16_000
"""Most bytes of a search value in JSON."""
_MOST_PER_CHARACTER: Final = 12
"""A character is at most four bytes in UTF-8, each of them `%xx` in a URL; in JSON it takes less."""
E = TypeVar("E", bound=Event)

FieldOrFunction = str | Callable[[E], Any]


@dataclass(frozen=True, slots=True)
class Ask(Generic[E]):
    """Read back first: get the object by primary key, or search for it by property values."""

    object_type: str
    key: FieldOrFunction[E] | None = None
    where: Mapping[str, FieldOrFunction[E]] | None = None
    applied: Callable[[Mapping[str, Any] | None, E], bool] | None = None

    def for_model(self, model: type[E], place: str) -> Ask[E]:
        """The same, with each field name resolved to a function, as `lookup` needs it.

        Raises:
            ContractError: the model has no such field, or values of `key` cannot be primary keys.
        """
        key = None if self.key is None else reader(model, self.key, "key", place)
        if isinstance(self.key, str) and not may_be_primary_key(
            model.model_fields[self.key].annotation
        ):
            raise fault(
                f"key={self.key!r} is a field whose values are no primary keys, as those are text or whole numbers",
                remedy=f"give a function of the event, such as lambda event: str(event.{self.key})",
                where=place,
            )
        return replace(
            self,
            key=key,
            where=None
            if self.where is None
            else {
                name: reader(model, given, f"where[{name!r}]", place)
                for name, given in self.where.items()
            },
        )

    def lookup(self, event: E) -> Lookup:
        """What to read for this event. The owners' functions run here, and may raise.

        Values that no request can carry are refused here, as the record's fault. If they were sent, the error in
        the answer would look like an outage.

        Raises:
            TypeError: the primary key is neither text nor a whole number.
            ValueError: the key is empty, too long or has control characters; a search value is None (which would
                find other objects), too long, or not JSON.
        """
        return Lookup(
            object_type=self.object_type,
            applied=self._decide(event),
            key=None if self.key is None else _primary_key(_read(self.key, event)),
            where=None
            if self.where is None
            else {name: _search_value(name, _read(of, event)) for name, of in self.where.items()},
        )

    def _decide(self, event: E) -> Callable[[Mapping[str, Any] | None], bool]:
        applied = self.applied
        if applied is None:
            return lambda properties: properties is not None
        return lambda properties: applied(properties, event)


def ask(
    object_type: str,
    *,
    key: FieldOrFunction[E] | None = None,
    where: Mapping[str, FieldOrFunction[E]] | None = None,
    applied: Callable[[Mapping[str, Any] | None, E], bool] | None = None,
) -> Ask[E]:
    """For `repeat=`: whether an action was applied is found out by reading an object of `object_type`.

    Give either `key` (the object with this primary key) or `where` (objects with these property
    values): each a field of the event, or a function of it. `applied(properties or None, event)`
    decides; without it, an object found means applied.

    Raises:
        ContractError: neither or both of `key` and `where` are given, a name is empty, or `applied` is no function.
    """
    if not is_text(object_type):
        raise fault(
            f"ask({object_type!r}) names no object type", remedy="give the object type's API name"
        )
    if (key is None) == (where is None):
        raise fault(
            f"ask({object_type!r}) needs one of key and where",
            remedy='write key="field" to get by primary key, or where={"property": "field"} to search',
        )
    if where is not None and not _names_properties(where):
        raise fault(
            f"ask({object_type!r}) has no search condition",
            remedy='write where={"property": "field of the event"}',
        )
    if applied is not None and not callable(applied):
        raise fault(
            f"ask({object_type!r}) has applied={applied!r}, which is not a function",
            remedy="write applied=lambda properties, event: ..., or leave it out",
        )
    return Ask(object_type, key, where, applied)


def reader(
    model: type[E], given: FieldOrFunction[E], argument: str, place: str
) -> Callable[[E], Any]:
    """A function of the event; `given` is one already, or a field's name.

    Raises:
        ContractError: the model has no such field.
    """
    if callable(given):
        return given
    # A tuple, whose `in` works for unhashable values too.
    if given not in tuple(model.model_fields):
        fields = ", ".join(model.model_fields) or "none"
        raise fault(
            f"{argument}={given!r} is not a field of {model.__name__}",
            remedy=f"its fields are: {fields}",
            where=place,
        )
    return attrgetter(given)


def _names_properties(where: object) -> bool:
    return isinstance(where, Mapping) and bool(where) and all(map(is_text, where))


def _read(of: FieldOrFunction[E], event: E) -> Any:
    return attrgetter(of)(event) if isinstance(of, str) else of(event)


def _primary_key(value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"a primary key must be str or int, not {type(value).__name__}")
    # Of an enumeration its value, which is what the action sends: `str()` may give another text.
    key = str.__str__(value) if isinstance(value, str) else int(value)
    if key in ("", ".", ".."):
        # A URL cannot have such a path segment: the object could never be requested.
        raise ValueError("the primary key is empty, or a path step")
    text = str(key)
    if not _surely_fits(text, LONGEST_KEY) and len(quote(text, safe="")) > LONGEST_KEY:
        raise ValueError("the primary key is too long for a URL")
    if not text.isprintable() and any(character < " " or character == "\x7f" for character in text):
        # Proxies and firewalls refuse line ends in a path, even quoted ones.
        raise ValueError("the primary key has a control character")
    return key


def _surely_fits(text: str, limit: int) -> bool:
    """Decided without encoding it, since this runs for every record."""
    return len(text) * _MOST_PER_CHARACTER <= limit and text.isascii()


def _search_value(name: str, value: Any) -> Any:
    if value is None:
        raise ValueError(f"the search value of {name!r} is None")
    if isinstance(value, str) and _surely_fits(value, LONGEST_SEARCH_VALUE):
        return value
    found = to_jsonable_python(value)
    # Encoded too: a lone surrogate has no UTF-8, and NaN no JSON.
    if len(json.dumps(found, allow_nan=False, ensure_ascii=False).encode()) > LONGEST_SEARCH_VALUE:
        raise ValueError(f"the search value of {name!r} is too long")
    return found
