"""Examples beside the contracts: a record, and what is expected of it. Read here, run by `check`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from consumer.errors import ContractError, Reason
from consumer.model import PlainRecord

_VALUES = ("value", "value_text", "value_base64")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExampleRecord(_Part):
    """The record, with its value given in one of three ways; `value: null` is a null value."""

    key: str | None = None
    headers: dict[str, str | None] = {}
    value: JsonValue = None
    value_text: str | None = None
    value_base64: Base64Bytes | None = None

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        given = [name for name in _VALUES if name in self.model_fields_set]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(_VALUES)}, not {len(given)}")
        return self

    def value_bytes(self) -> bytes | None:
        if self.value_text is not None:
            return self.value_text.encode()
        if self.value_base64 is not None:
            return self.value_base64
        return None if self.value is None else json.dumps(self.value).encode()


class ExpectedAction(_Part):
    action: str
    parameters: dict[str, JsonValue]


class ExpectActions(_Part):
    """It is mapped to these actions, in this order."""

    actions: Annotated[tuple[ExpectedAction, ...], Field(min_length=1)]


class ExpectIgnored(_Part):
    """A rule of the contract ignores it, for this reason."""

    ignored: str


class ExpectReason(_Part):
    """It becomes a dead letter."""

    reason: Reason
    detail: str = ""
    """Part of the letter's detail."""


Expectation = ExpectActions | ExpectIgnored | ExpectReason
_FORMS: Mapping[str, type[Expectation]] = {
    "actions": ExpectActions,
    "ignored": ExpectIgnored,
    "reason": ExpectReason,
}


class _File(_Part):
    record: ExampleRecord
    expect: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Example:
    """One example file."""

    path: Path
    topic: str
    """The contract's topic: the name of the folder."""
    record: ExampleRecord
    expect: Expectation

    def on(self, topic: str) -> PlainRecord:
        """The record as it would come from the broker, on which its topic is called `topic`."""
        return PlainRecord(
            topic=topic,
            partition=0,
            offset=0,
            key=None if self.record.key is None else self.record.key.encode(),
            value=self.record.value_bytes(),
            headers=tuple(
                (name, None if text is None else text.encode())
                for name, text in self.record.headers.items()
            ),
        )


def example_files(folder: Path) -> Sequence[Path]:
    """The example files of the contracts package in this folder."""
    return sorted((folder / "examples").rglob("*.json"))


def read_example(path: Path) -> Example:
    """Read one example.

    Raises:
        ContractError: it cannot be read, or is not in the examples' format; the message names file and field.
    """
    try:
        text = path.read_bytes()
        file = _File.model_validate_json(text)
        json.loads(text, parse_float=_kept, object_pairs_hook=_once)
        return Example(path, path.parent.name, file.record, _expectation(file.expect))
    except (OSError, ValidationError, ValueError) as error:
        raise ContractError(f"{path}: {_said(error)}") from error


def _kept(literal: str) -> float:
    """The record's value is serialized again from what was read here, so no number may change on the way.

    Raises:
        ValueError: this one would.
    """
    number = float(literal)
    if Decimal(literal) != Decimal(repr(number)):
        raise ValueError(
            f"{literal} would be written as {number!r}: to keep it as it is, use value_text"
        )
    return number


def _once(members: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in members]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(
            f"{twice!r} occurs twice in one object: to show such a record, use value_text"
        )


def _expectation(given: Mapping[str, Any]) -> Expectation:
    forms = [form for name, form in _FORMS.items() if name in given]
    if len(forms) != 1:
        raise ValueError(f"expect: give one of {', '.join(_FORMS)}")
    try:
        return forms[0].model_validate_json(json.dumps(given))
    except ValidationError as error:
        raise ValueError(_said(error, "expect.")) from error


def _said(error: Exception, at: str = "") -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{at}{'.'.join(map(str, found['loc'])) or 'file'}: {found['msg']}"
        for found in error.errors(include_url=False)
    )


def difference(expected: object, actual: object, at: str) -> str | None:
    """Where two JSON values first differ, and how; None: they are equal. 1 and 1.0 are, 1 and true are not."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _dict_difference(expected, actual, at)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{at}: expected {len(expected)} items, got {len(actual)}"
        pairs = zip(expected, actual, strict=True)
        found = (difference(one, other, f"{at}[{n}]") for n, (one, other) in enumerate(pairs))
        return next((said for said in found if said), None)
    if isinstance(expected, bool) is isinstance(actual, bool) and expected == actual:
        return None
    return f"{at}: expected {json.dumps(expected)}, got {json.dumps(actual)}"


def _dict_difference(expected: dict[str, Any], actual: dict[str, Any], at: str) -> str | None:
    for name in expected | actual:
        if name not in actual:
            return f"{at}.{name}: expected {json.dumps(expected[name])}, but it is missing"
        if name not in expected:
            return f"{at}.{name}: got {json.dumps(actual[name])}, which was not expected"
        said = difference(expected[name], actual[name], f"{at}.{name}")
        if said:
            return said
    return None
