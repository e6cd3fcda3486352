"""Models inside models: configuration is each class's own, so what stands inside must be as strict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from consumer.contracts._faults import fault


def nested_models(
    model: type[BaseModel], allowed: type[BaseModel], why: str
) -> Mapping[str, frozenset[type[Any]]]:
    """The models that stand in each field; a dataclass is one too, with a configuration of its own.

    Raises:
        ContractError: one of them is not derived from `allowed`.
    """
    nested = {
        name: frozenset(_models_in(info.annotation)) for name, info in model.model_fields.items()
    }
    for name, inner in ((name, inner) for name, models in nested.items() for inner in models):
        if not issubclass(inner, allowed):
            raise fault(
                f"field {name!r} of {model.__name__} holds {inner.__name__}, {why}",
                remedy=f"derive {inner.__name__} from {allowed.__name__}",
            )
    return nested


def _models_in(annotation: Any, above: frozenset[type[Any]] = frozenset()) -> Iterator[type[Any]]:
    annotation = getattr(annotation, "__value__", annotation)
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and kind not in above:
        if issubclass(kind, BaseModel) or _has_own_rules(kind):
            yield kind
        elif issubclass(kind, dict | tuple):
            # A TypedDict or NamedTuple, which may hold itself, is read by the rules of what it stands in; not so what it holds.
            for inner in get_type_hints(kind).values():
                yield from _models_in(inner, above | {kind})
    for argument in get_args(annotation):
        yield from _models_in(argument, above)


def _has_own_rules(kind: type[Any]) -> bool:
    return is_dataclass(kind) and not hasattr(kind, "__get_pydantic_core_schema__")
