"""Which path means what. Segments are decoded one by one, so an encoded slash stays inside its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote

from deploy.local.foundry import metadata, oauth
from deploy.local.foundry.faults import Endpoint
from deploy.local.foundry.identity import ADMIN_READ, READ, Token, require_scopes
from deploy.local.foundry.stack import Foundry
from deploy.local.foundry.wire import Refusal, Reply, ok

MULTIPASS = {
    ("POST", "/multipass/api/oauth2/token"): ("token", "issue"),
    ("POST", "/multipass/api/oauth2/revoke_token"): ("token", "revoke"),
    ("GET", "/multipass/api/me"): ("metadata", "me"),
    ("GET", "/multipass/api/me/scope"): ("metadata", "scope"),
    ("GET", "/multipass/api/token/ttl"): ("metadata", "ttl"),
    ("GET", "/api/v2/admin/users/getCurrent"): ("metadata", "user"),
    ("GET", "/api/v2/ontologies"): ("metadata", "ontologies"),
    ("GET", "/login"): ("page", "login"),
}
REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Call:
    """What one path asks for."""

    endpoint: Endpoint | Literal["page"]
    name: str
    """Of an action: its API name; else what is asked."""
    ontology: str = ""
    path: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    batched: bool = False

    @property
    def about(self) -> str | None:
        """The action type whose metadata is read."""
        return self.path[0] if self.name in {"action type", "full metadata"} else None


class Routes:
    """Finds what a path means; action paths, of which there are few, are remembered."""

    def __init__(self) -> None:
        self._remembered: dict[str, Call] = {}

    def find(self, method: str, raw_path: str) -> Call | None:
        """None: there is no such route."""
        if method == "POST":
            remembered = self._remembered.get(raw_path)
            if remembered is not None:
                return remembered
        path, _, query = raw_path.partition("?")
        if (method, path) in MULTIPASS:
            endpoint, name = MULTIPASS[method, path]
            return Call(endpoint, name)  # type: ignore[arg-type]  # a table of literals
        call = _find(method, path, tuple(parse_qsl(query)))
        if call is not None and call.endpoint == "actions" and len(self._remembered) < REMEMBERED:
            self._remembered[raw_path] = call
        return call

    def read(self, foundry: Foundry, call: Call, token: Token, body: bytes) -> Reply:
        """The answer to anything that changes nothing.

        Raises:
            Refusal: a scope is missing, or what is asked for is not there.
        """
        if call.name in TOKEN_READS:
            return TOKEN_READS[call.name](foundry, token)
        require_scopes(token, READ)
        if call.name == "ontologies":
            return metadata.list_ontologies(foundry.ontology)
        if not foundry.ontology.answers_to(call.ontology):
            raise Refusal("NOT_FOUND", "OntologyNotFound", _named(call.ontology))
        if call.name == "search":
            return _search(foundry, call, body)
        return READS[call.name](foundry, call.path, _Query(call.query))


def _search(foundry: Foundry, call: Call, body: bytes) -> Reply:
    kind = foundry.ontology.object_type(call.path[0])
    return metadata.search_objects(foundry.objects, kind, body)


def _named(ontology: str) -> dict[str, str]:
    return {"ontologyRid" if ontology.startswith("ri.") else "apiName": ontology}


class _Query(dict[str, str]):
    """Query parameters; those that may be given several times are read from `pairs`."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    @property
    def select(self) -> list[str]:
        return [v.removeprefix("properties.") for name, v in self.pairs if name == "select"]

    def require_preview(self) -> None:
        if self.get("preview") != "true":
            raise Refusal("INVALID_ARGUMENT", "ApiFeaturePreviewUsageOnly", {})


Path = tuple[str, ...]
Read = Callable[[Foundry, Path, _Query], Reply]


def _find(method: str, path: str, query: tuple[tuple[str, str], ...]) -> Call | None:
    match [unquote(segment) for segment in path.split("/")[1:]]:
        case [
            "api",
            "v2",
            "ontologies",
            ontology,
            "actions",
            action,
            ("apply" | "applyBatch") as verb,
        ]:
            if method == "POST":
                return Call("actions", action, ontology, batched=verb == "applyBatch")
        case ["api", "v2", "ontologies", ontology, "objects", kind, "search"] if method == "POST":
            return Call("objects", "search", ontology, (kind,))
        case ["api", "v2", "ontologies", ontology, *rest] if method == "GET":
            name = _READ_NAMES.get((len(rest), rest[0] if rest else "", _last(rest)))
            endpoint: Endpoint = "objects" if rest[:1] == ["objects"] else "metadata"
            return None if name is None else Call(endpoint, name, ontology, (*rest[1:],), query)
    return None


def _last(rest: list[str]) -> str:
    """What tells two reads of one length apart."""
    if len(rest) == 3 and rest[0] == "actionTypes":  # noqa: PLR2004 - parts of the path
        return "byRid" if rest[1] == "byRid" else rest[2]
    return ""


_READ_NAMES: Mapping[tuple[int, str, str], str] = {
    (0, "", ""): "ontology",
    (1, "fullMetadata", ""): "whole",
    (1, "actionTypes", ""): "action types",
    (2, "actionTypes", ""): "action type",
    (3, "actionTypes", "byRid"): "by rid",
    (3, "actionTypes", "fullMetadata"): "full metadata",
    (1, "objectTypes", ""): "object types",
    (2, "objectTypes", ""): "object type",
    (2, "objects", ""): "objects",
    (3, "objects", ""): "object",
}


def _full_metadata(foundry: Foundry, path: Path, query: _Query) -> Reply:
    query.require_preview()
    return metadata.full_metadata(foundry.ontology.action_type(path[0]))


def _whole(foundry: Foundry, _path: Path, query: _Query) -> Reply:
    query.require_preview()
    return metadata.whole_ontology(foundry.ontology)


def _objects(foundry: Foundry, path: Path, query: _Query) -> Reply:
    kind = foundry.ontology.object_type(path[0])
    return metadata.list_objects(foundry.objects, kind, query, query.select)


def _object(foundry: Foundry, path: Path, query: _Query) -> Reply:
    kind = foundry.ontology.object_type(path[0])
    return metadata.get_object(foundry.objects, kind, path[1], query.select)


READS: Mapping[str, Read] = {
    "ontology": lambda foundry, _path, _query: ok(foundry.ontology.definition),
    "whole": _whole,
    "action types": lambda foundry, _, query: metadata.list_action_types(foundry.ontology, query),
    "action type": lambda foundry, path, _: ok(foundry.ontology.action_type(path[0]).definition),
    "by rid": lambda foundry, path, _: metadata.action_type_by_rid(foundry.ontology, path[1]),
    "full metadata": _full_metadata,
    "object types": lambda foundry, _, query: metadata.list_object_types(foundry.ontology, query),
    "object type": lambda foundry, path, _: ok(foundry.ontology.object_type(path[0]).definition),
    "objects": _objects,
    "object": _object,
}


def _current_user(_foundry: Foundry, token: Token) -> Reply:
    require_scopes(token, ADMIN_READ)
    return oauth.current_user(token)


TOKEN_READS: Mapping[str, Callable[[Foundry, Token], Reply]] = {
    "me": lambda _, token: oauth.me(token),
    "scope": lambda _, token: oauth.scope(token),
    "ttl": lambda foundry, token: oauth.time_to_live(foundry.identity, token),
    "user": _current_user,
}
