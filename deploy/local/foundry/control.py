"""The control API under `/__control__/`: look at everything, switch faults, seed objects, rotate secrets."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qsl, unquote

import jiter
from aiohttp import web

from deploy.local.foundry.effects import as_json, request_as_json
from deploy.local.foundry.faults import fault_from, parse_fault
from deploy.local.foundry.identity import DEFAULT_SCOPES, Client
from deploy.local.foundry.stack import Foundry
from deploy.local.foundry.wire import Refusal, Reply, ok

PREFIX = "/__control__/"
Query = Mapping[str, str]
Verb = Callable[[Foundry, str, Query, Any], Any]


async def answer(foundry: Foundry, request: web.BaseRequest) -> Reply:
    """A control request, from this machine alone. Its answers are plain JSON; a wrong one is a 400."""
    if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104 - not bound
        return Reply(403, b"")
    path, _, query = request.raw_path.removeprefix(PREFIX).partition("?")
    noun, _, name = path.partition("/")
    verb = VERBS.get((request.method, noun))
    if verb is None:
        return Reply(404, b"")
    body = await request.read()
    try:
        given = jiter.from_json(body) if body else None
        return ok(verb(foundry, unquote(name), dict(parse_qsl(query)), given))
    except (ValueError, TypeError, KeyError, Refusal) as fault:
        return Reply(400, str(fault).encode(), "text/plain")


def _status(foundry: Foundry, _name: str, _query: Query, _given: Any) -> Any:
    return {
        "inFlight": foundry.in_flight,
        "requests": foundry.requests.total,
        "byStatus": {str(key): n for key, n in foundry.requests.by_status.items()},
        "effects": foundry.effects.total,
        "byAction": foundry.effects.by_action,
        "tokens": foundry.identity.issued,
        "faults": [switched.as_json() for switched in foundry.faults.on],
        "limits": asdict(foundry.limits),
        "lean": foundry.effects.lean,
    }


def _in_flight(foundry: Foundry, _name: str, _query: Query, _given: Any) -> Any:
    under_way = [request_as_json(asked) for asked in foundry.requests.under_way]
    return {"inFlight": foundry.in_flight, "requests": under_way}


def _effects(foundry: Foundry, _name: str, query: Query, _given: Any) -> Any:
    found = foundry.effects.since(int(query.get("after", 0)), int(query.get("limit", 1000)))
    return {"total": foundry.effects.total, "effects": [as_json(effect) for effect in found]}


def _counts(foundry: Foundry, _name: str, query: Query, _given: Any) -> Any:
    """Effects by action type and key: `repeats=true` shows only what took effect more than once."""
    least = 2 if query.get("repeats") == "true" else 1
    return {
        action: {str(key): n for key, n in keys.items() if n >= least}
        for action, keys in foundry.effects.by_key.items()
    }


def _requests(foundry: Foundry, _name: str, query: Query, _given: Any) -> Any:
    found = foundry.requests.since(int(query.get("after", 0)), int(query.get("limit", 1000)))
    return {"total": foundry.requests.total, "requests": [request_as_json(each) for each in found]}


def _reset(foundry: Foundry, _name: str, _query: Query, _given: Any) -> Any:
    foundry.reset()
    return {}


def _list_faults(foundry: Foundry, _name: str, _query: Query, _given: Any) -> Any:
    return {"faults": [switched.as_json() for switched in foundry.faults.on]}


def _switch_on(foundry: Foundry, _name: str, _query: Query, given: Any) -> Any:
    """`"status:status=503,share=0.1"` or `{"kind": "status", "status": 503, "share": 0.1}`."""
    fault = parse_fault(given) if isinstance(given, str) else fault_from(given)
    return foundry.faults.switch_on(fault).as_json()


def _switch_off(foundry: Foundry, name: str, _query: Query, _given: Any) -> Any:
    return {"cleared": foundry.faults.clear(int(name) if name else None)}


def _tokens(foundry: Foundry, name: str, _query: Query, given: Any) -> Any:
    if name == "revoke":
        return {"revoked": foundry.identity.revoke_all()}
    if name == "expire":
        return {"expired": foundry.identity.expire_all()}
    if name == "lifetime":
        foundry.identity.expires_in = float(given)
        return {"expires_in": foundry.identity.expires_in}
    raise ValueError("tokens/revoke, tokens/expire or tokens/lifetime")


def _put_client(foundry: Foundry, name: str, _query: Query, given: Any) -> Any:
    """Whatever is not given stays; a new client needs its `secrets`."""
    client = foundry.identity.clients.get(name) or Client(name, set(), frozenset(DEFAULT_SCOPES))
    client.secrets = set(given.get("secrets", client.secrets))
    client.scopes = frozenset(given.get("scopes", client.scopes))
    client.grant_enabled = given.get("grantEnabled", client.grant_enabled)
    client.restricted = given.get("restricted", client.restricted)
    foundry.identity.clients[name] = client
    return {"id": name, "secrets": len(client.secrets), "scopes": sorted(client.scopes)}


def _drop_client(foundry: Foundry, name: str, _query: Query, _given: Any) -> Any:
    """With `?secret=`: only that secret ends."""
    secret = _query.get("secret")
    if secret is not None:
        foundry.identity.clients[name].secrets.discard(secret)
    else:
        del foundry.identity.clients[name]
    return {}


def _put_objects(foundry: Foundry, name: str, _query: Query, given: Any) -> Any:
    foundry.objects.put(name, given)
    return {"objects": len(foundry.objects.all(name))}


def _get_objects(foundry: Foundry, name: str, _query: Query, _given: Any) -> Any:
    return {"objects": foundry.objects.all(foundry.ontology.object_type(name).name)}


def _put_limits(foundry: Foundry, _name: str, _query: Query, given: Any) -> Any:
    foundry.limits.batch = int(given.get("batch", foundry.limits.batch))
    foundry.limits.in_flight = int(given.get("in_flight", foundry.limits.in_flight))
    return asdict(foundry.limits)


VERBS: Mapping[tuple[str, str], Verb] = {
    ("GET", "status"): _status,
    ("GET", "in-flight"): _in_flight,
    ("GET", "effects"): _effects,
    ("GET", "counts"): _counts,
    ("GET", "requests"): _requests,
    ("POST", "reset"): _reset,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _switch_on,
    ("DELETE", "faults"): _switch_off,
    ("POST", "tokens"): _tokens,
    ("PUT", "clients"): _put_client,
    ("DELETE", "clients"): _drop_client,
    ("PUT", "objects"): _put_objects,
    ("GET", "objects"): _get_objects,
    ("PUT", "limits"): _put_limits,
}
