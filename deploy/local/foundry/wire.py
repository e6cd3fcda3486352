"""How Foundry answers: JSON bodies, errors of the Conjure kind, resource identifiers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

import jiter

JSON = "application/json"
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)

STATUS_OF_CODE = {
    "PERMISSION_DENIED": 403,
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "REQUEST_ENTITY_TOO_LARGE": 413,
    "FAILED_PRECONDITION": 500,
    "INTERNAL": 500,
    "TIMEOUT": 500,
    "CUSTOM_CLIENT": 400,
    "CUSTOM_SERVER": 500,
    "UNAUTHORIZED": 401,
}


class Reply(NamedTuple):
    """One HTTP answer, before it meets a connection."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] | None = None


class Refusal(Exception):
    """Foundry says no, in its own words. Raised anywhere, answered in one place."""

    def __init__(
        self, code: str, name: str, parameters: Mapping[str, Any], *, status: int | None = None
    ) -> None:
        super().__init__(name)
        self.code = code
        self.name = name
        self.parameters = parameters
        self.status = STATUS_OF_CODE[code] if status is None else status

    def reply(self, headers: Mapping[str, str] | None = None) -> Reply:
        return Reply(
            self.status,
            encode(
                {
                    "errorCode": self.code,
                    "errorName": self.name,
                    "errorInstanceId": str(uuid.uuid4()),
                    "parameters": self.parameters,
                }
            ),
            headers=headers,
        )


def encode(value: object) -> bytes:
    return ENCODER.encode(value).encode()


def ok(value: object) -> Reply:
    return Reply(200, encode(value))


def decode(body: bytes) -> Any:
    """The JSON value of a request body.

    Raises:
        Refusal: there is no body, or it is not JSON.
    """
    if not body:
        raise Refusal("INVALID_ARGUMENT", "MissingPostBody", {})
    try:
        return jiter.from_json(body, allow_inf_nan=False)
    except ValueError:
        unprocessable()


def unprocessable() -> NoReturn:
    """A Conjure server cannot read this body into the type it expects."""
    raise Refusal("INVALID_ARGUMENT", "Conjure:UnprocessableEntity", {}, status=422)


def only_fields(value: object, allowed: frozenset[str]) -> dict[str, Any]:
    """`value` as an object with no other fields: Conjure refuses what it does not know."""
    if not isinstance(value, dict) or not allowed.issuperset(value):
        unprocessable()
    return value


def require_json(content_type: str | None) -> None:
    """Raises Refusal unless the request says that its body is JSON."""
    if content_type is None or content_type.partition(";")[0].strip().lower() != JSON:
        raise Refusal("INVALID_ARGUMENT", "Conjure:UnsupportedMediaType", {}, status=415)


def rid(service: str, kind: str, *parts: str) -> str:
    """A resource identifier that is the same in each run: derived from the names."""
    return f"ri.{service}.main.{kind}.{uuid.uuid5(uuid.NAMESPACE_URL, '/'.join((kind, *parts)))}"


def fresh_rid(service: str, kind: str) -> str:
    return f"ri.{service}.main.{kind}.{uuid.uuid4()}"
