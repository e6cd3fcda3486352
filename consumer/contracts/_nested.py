"""Models inside models: configuration is each class's own, so what stands inside must be as strict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from consumer.contracts._faults import fault


def nested_models(
    model: type[BaseModel], allowed: type[BaseModel], why: str
) -> Mapping[str, frozenset[type[BaseModel]]]:
    """The models that stand in each field.

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


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    annotation = getattr(annotation, "__value__", annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
