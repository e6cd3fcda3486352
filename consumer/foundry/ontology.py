"""Reads what an ontology offers, for `doctor`. Tolerates what it does not know."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from consumer.foundry.answers import Reply, read_object
from consumer.foundry.classify import outage_of_read
from consumer.foundry.config import FoundryConfig, endpoint
from consumer.foundry.exchange import Exchange
from consumer.foundry.verdicts import MISSING_ACTION
from consumer.outcomes import Answer, Outage

_PAGES = 1000
_PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class OntologyInfo:
    """An ontology that the service user can see."""

    api_name: str
    rid: str
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter of an action type."""

    id: str
    type: str
    """For people: `string`, `array<object Employee>`, `struct{street: string}`; unknown kinds by Foundry's name."""
    required: bool
    data_type: Mapping[str, Any] = field(repr=False)
    """Foundry's complete description of the type."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ActionTypeInfo:
    """An action type as Foundry describes it."""

    api_name: str
    rid: str
    status: str
    """`ACTIVE`, `ENDORSED`, `EXPERIMENTAL`, `DEPRECATED`, or whatever else Foundry says."""
    parameters: tuple[ParameterInfo, ...]
    operations: tuple[str, ...] = ()
    """Kinds of edits: `createObject`, `modifyObject`, ..."""
    description: str = ""


class OntologyReader:
    """Metadata of one ontology. Failures are `Outage` values with a remedy; none is raised."""

    def __init__(
        self, config: FoundryConfig, exchange: Exchange, *, wall: Callable[[], float] = time.time
    ) -> None:
        self._root = (config.hostname, "api", "v2", "ontologies")
        self._ontology = config.ontology
        self._exchange = exchange
        self._wall = wall

    async def list_ontologies(self) -> Sequence[OntologyInfo] | Outage:
        """All that the service user can see, to suggest if the configured one is not found."""
        found = await self._read(endpoint(*self._root))
        if isinstance(found, Outage):
            return found
        return [_ontology(item) for item in _objects(found.get("data"))]

    async def get_ontology(self) -> OntologyInfo | Outage:
        """The configured ontology."""
        found = await self._read(endpoint(*self._root, self._ontology))
        if isinstance(found, Outage):
            return found
        info = _ontology(found)
        return info if info.api_name or info.rid else _strange("ontology")

    async def get_action_type(self, name: str) -> ActionTypeInfo | Outage:
        """One action type by its API name."""
        try:
            url = endpoint(*self._root, self._ontology, "actionTypes", name)
        except ValueError as failure:
            return Outage(
                Answer("name", str(failure)), MISSING_ACTION.gate, remedy=MISSING_ACTION.remedy
            )
        found = await self._read(url)
        if isinstance(found, Outage):
            return found
        return _action_type(found) or _strange("action type")

    async def list_action_types(self) -> Sequence[ActionTypeInfo] | Outage:
        """All action types that the service user can see, sorted by API name."""
        url = endpoint(*self._root, self._ontology, "actionTypes")
        query = {"pageSize": str(_PAGE_SIZE)}
        listed: list[ActionTypeInfo] = []
        for _ in range(_PAGES):
            found = await self._read(url.with_query(query))
            if isinstance(found, Outage):
                return found
            read = [_action_type(item) for item in _objects(found.get("data"))]
            listed += [info for info in read if info is not None]
            if not isinstance(token := found.get("nextPageToken"), str) or not token:
                return sorted(listed, key=lambda info: info.api_name)
            query["pageToken"] = token
        return _strange("end of its list")

    async def _read(self, url: URL) -> Mapping[str, Any] | Outage:
        reply = await self._exchange.get(url)
        if isinstance(reply, Outage):
            return reply
        found = _read_success(reply)
        return found if found is not None else outage_of_read(reply, self._wall())


def _read_success(reply: Reply) -> Mapping[str, Any] | None:
    if not (reply.succeeded and reply.json_typed and reply.complete):
        return None
    found = read_object(reply.body)
    # Older documentation wraps the answer to a `get` in `data`.
    wrapped = found.get("data") if found is not None and "apiName" not in found else None
    return wrapped if isinstance(wrapped, dict) else found


def type_text(data_type: object) -> str:
    """A parameter's type in a few words; an unknown kind by the name that Foundry gives it."""
    if not isinstance(data_type, dict):
        return "unknown"
    kind = _text(data_type, "type") or "unknown"
    if kind in {"array", "set"}:
        return f"{kind}<{type_text(data_type.get('subType', data_type.get('itemType')))}>"
    if kind == "struct":
        fields = (
            f"{_text(item, 'name')}: {type_text(item.get('fieldType'))}"
            for item in _objects(data_type.get("fields"))
        )
        return f"struct{{{', '.join(fields)}}}"
    if target := _text(data_type, "objectTypeApiName") or _text(data_type, "interfaceTypeApiName"):
        return f"{kind} {target}"
    return kind


def _ontology(found: Mapping[str, Any]) -> OntologyInfo:
    return OntologyInfo(_text(found, "apiName"), _text(found, "rid"), _text(found, "displayName"))


def _action_type(found: Mapping[str, Any]) -> ActionTypeInfo | None:
    name = _text(found, "apiName")
    parameters = found.get("parameters", {})
    if not name or not isinstance(parameters, dict):
        return None
    return ActionTypeInfo(
        name,
        _text(found, "rid"),
        _text(found, "status"),
        tuple(
            _parameter(key, item)
            for key, item in sorted(parameters.items())
            if isinstance(item, dict)
        ),
        tuple(_text(operation, "type") for operation in _objects(found.get("operations"))),
        _text(found, "description"),
    )


def _parameter(key: str, found: Mapping[str, Any]) -> ParameterInfo:
    data_type = found.get("dataType")
    return ParameterInfo(
        key,
        type_text(data_type),
        found.get("required") is True,
        data_type if isinstance(data_type, dict) else {},
        _text(found, "description"),
    )


def _text(found: Mapping[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _strange(lacking: str) -> Outage:
    return Outage(
        Answer("unreadable", f"an answer that names no {lacking}"),
        "not_foundry",
        everywhere=True,
        remedy="this version of the service may not fit this stack: check foundry.hostname",
    )
