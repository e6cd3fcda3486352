"""`Action`: what Foundry is asked to do, typed like the action type's parameters."""

from __future__ import annotations

import re
from inspect import get_annotations
from typing import Any, ClassVar

from consumer.contracts._faults import fault, is_text, refuse_keywords
from consumer.contracts.wire import Parameters
from consumer.model import ActionType, Call

_API_NAME = re.compile(r"[a-z][A-Za-z0-9-]{0,99}")
_MAX_BATCH = 10_000
_RESERVED = ("action_type", "call")


class Action(Parameters):
    """An action with its parameters: `class CreateTicket(Action, api_name="create-ticket")`.

    A field that is not given is left out; an explicit `None` is sent as null, which clears the value. With
    `batch=1` the type is always sent with `apply`; otherwise always with `applyBatch`, up to `batch` at once
    (default: 20, and never more than the setting `foundry.batch_size`).

    Raises:
        ContractError: when the class is defined: the API name or `batch` is impossible, another keyword
            is given, a field has a reserved name or an `alias`, or two fields are written under one name.
    """

    action_type: ClassVar[ActionType]

    def __init_subclass__(
        cls, *, api_name: str | None = None, batch: int | None = None, **kwargs: Any
    ) -> None:
        refuse_keywords(f"action class {cls.__name__}", kwargs, "api_name and batch")
        super().__init_subclass__()
        if api_name is None:
            # A subclass without a name of its own would send its parameters under its parent's name.
            raise fault(
                f"action class {cls.__name__} has no API name",
                remedy=f'write class {cls.__name__}(Action, api_name="...")',
            )
        if not is_text(api_name) or not _API_NAME.fullmatch(api_name):
            raise fault(
                f"action class {cls.__name__} has the API name {api_name!r}",
                remedy="a name begins with a-z, then at most 99 of A-Z a-z 0-9 -",
            )
        if batch is not None and (type(batch) is not int or not 1 <= batch <= _MAX_BATCH):
            raise fault(
                f"action class {cls.__name__} has batch={batch!r}",
                remedy="write 1 (always alone), or how many go into one request",
            )
        for reserved in _RESERVED:
            if reserved in get_annotations(cls):
                raise fault(
                    f"action class {cls.__name__} has a field named {reserved!r}",
                    remedy=f'write {reserved}_ with serialization_alias="{reserved}"',
                )
        cls.action_type = ActionType(api_name) if batch is None else ActionType(api_name, batch)

    def call(self) -> Call:
        """The action in the form in which it is submitted.

        Raises:
            ValueError: a value that JSON cannot hold, such as a string with a lone surrogate.
        """
        # The serializer itself: `model_dump_json` costs three times as much, for every record.
        return Call(
            self.action_type,
            self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_unset=True),
        )
