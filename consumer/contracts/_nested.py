"""Models inside models: each class has its own configuration, so inner ones must be just as strict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from consumer.contracts._faults import fault


def nested_models(
    model: type[BaseModel], allowed: type[BaseModel], why: str
) -> Mapping[str, frozenset[type[Any]]]:
    """The models in each field. A dataclass counts as one, since it has a configuration of its own.

    Raises:
        ContractError: one of them is not derived from `allowed`.
    """
    nested = {
        name: frozenset(filter(_has_own_rules, types_in(info.annotation)))
        for name, info in model.model_fields.items()
    }
    for name, inner in ((name, inner) for name, models in nested.items() for inner in models):
        if not issubclass(inner, allowed):
            raise fault(
                f"field {name!r} of {model.__name__} holds {inner.__name__}, {why}",
                remedy=f"derive {inner.__name__} from {allowed.__name__}",
            )
    return nested


def types_in(annotation: Any, above: frozenset[Any] = frozenset()) -> Iterator[type[Any]]:
    """Every class that an annotation names, including those inside typed dictionaries, named tuples and type aliases."""
    kind = get_origin(annotation) or annotation
    if hasattr(kind, "__value__"):  # `type Name = ...`, which may refer to itself
        if kind not in above:
            yield from types_in(kind.__value__, above | {kind})
    elif isinstance(kind, type):
        yield kind
        if issubclass(kind, dict | tuple) and kind not in above:
            for inner in get_type_hints(kind).values():
                yield from types_in(inner, above | {kind})
    for argument in get_args(annotation):
        yield from types_in(argument, above)


def _has_own_rules(kind: type[Any]) -> bool:
    """True for models and dataclasses. A typed dictionary or named tuple is read by the rules of its container."""
    return issubclass(kind, BaseModel) or (
        is_dataclass(kind) and not hasattr(kind, "__get_pydantic_core_schema__")
    )
