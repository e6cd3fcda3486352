"""The Foundry half: host, TLS, token, scopes, ontology, and each mapped action type."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from urllib.parse import urlsplit

from consumer.contracts import Action
from consumer.doctor.findings import Finding, Level, Visit, failure
from consumer.doctor.fit import misfits
from consumer.foundry.ontology import ActionTypeInfo
from consumer.foundry.reach import Reached, reach
from consumer.foundry.verdicts import MISSING_ACTION, MISSING_ONTOLOGY
from consumer.outcomes import Outage

_UNSTEADY = {
    "EXPERIMENTAL": "it may change at any time: ask its owner to tell you before it does",
    "DEPRECATED": "ask its owner what replaces it",
}
_MOST_NAMED = 10
_NEEDED = {
    "api:ontologies-read": "api:use-ontologies-read",
    "api:ontologies-write": "api:use-ontologies-write",
}
"""The scopes that every action needs, and the other name under which each may be granted."""


async def way(visit: Visit) -> Sequence[Finding]:
    """Name, connection and TLS of the host, or of the proxy before it."""
    through = " (of the proxy)" if visit.config.proxy else ""
    host = urlsplit(visit.config.proxy or visit.config.hostname).hostname
    found = []
    for step in await reach(visit.config):
        name = "foundry.tls" if step.step == "tls" else "foundry.host"
        if isinstance(step, Reached):
            found.append(Finding(name, "ok", f"{step.detail}{through}"))
        else:
            failed = failure(name, step.outage)
            remedy = (
                "check foundry.proxy, and the DNS and firewalls between here and it"
                if through and step.step != "tls"
                else failed.remedy
            )
            found.append(replace(failed, what=f"{host}{through}: {failed.what}", remedy=remedy))
    if visit.config.hostname.startswith("http://"):
        found.append(Finding("foundry.tls", "skip", "plain http, which is allowed on loopback"))
    return found


async def token(visit: Visit) -> Sequence[Finding]:
    """Fetch a new token in any case, to prove that the credentials are good now."""
    got = await visit.foundry.tokens.fetch()
    if isinstance(got, Outage):
        return [failure("foundry.token", got)]
    visit.token = got
    left = round(got.expires_at - time.monotonic())
    return [Finding("foundry.token", "ok", f"issued, valid for about {left} s")]


async def scopes(visit: Visit) -> Sequence[Finding]:
    """Compare the scopes that were granted with those that were asked for."""
    asked = visit.config.scopes
    if not asked:
        what = "no scope is requested: an unrestricted application gets a token without permissions"
        return [Finding("foundry.scopes", "warn", what, "list them in foundry.scopes")]
    granted = visit.token.scopes if visit.token is not None else None
    known = {*asked, *(granted or ())}
    unasked = [name for name, other in _NEEDED.items() if not known & {name, other}]
    if unasked:
        what = f"not requested: {' '.join(unasked)}; without them every action is refused"
        remedy = (
            "add them to foundry.scopes, and grant them to the application in Developer Console"
        )
        return [Finding("foundry.scopes", "fail", what, remedy)]
    if granted is None:
        what = "the answer does not say which scopes the token has; the steps below show it"
        return [Finding("foundry.scopes", "ok", what)]
    lacking = sorted(set(asked) - set(granted))
    if not lacking:
        return [Finding("foundry.scopes", "ok", f"granted: {' '.join(granted)}")]
    what = f"not granted: {' '.join(lacking)}"
    remedy = (
        "grant them to the application in Developer Console, or remove them from foundry.scopes"
    )
    return [Finding("foundry.scopes", "fail", what, remedy)]


async def ontology(visit: Visit) -> Sequence[Finding]:
    """The configured ontology; if it is not found, those that there are."""
    reader = visit.foundry.ontology
    found = await reader.get_ontology()
    if not isinstance(found, Outage):
        what = f"{found.display_name or found.api_name} ({found.rid})"
        return [Finding("foundry.ontology", "ok", what)]
    seen = await reader.list_ontologies() if found.gate == MISSING_ONTOLOGY.gate else found
    if isinstance(seen, Outage):
        return [failure("foundry.ontology", found)]
    names = ", ".join(info.api_name for info in seen[:_MOST_NAMED])
    more = f"(the service user sees: {names or 'no ontology: grant it access to one'})"
    return [failure("foundry.ontology", found, remedy=more)]


async def actions(visit: Visit) -> Sequence[Finding]:
    """Each action type that the contracts map to: whether it exists, is active, and fits."""
    if visit.contracts is None:
        raise TypeError("the step needs the contracts")
    found: list[Finding] = []
    for action in visit.contracts.actions:
        found += await _action(visit, action)
    return found


async def _action(visit: Visit, action: type[Action]) -> Sequence[Finding]:
    name = action.action_type.name
    step = f"action {name}"
    info = await visit.foundry.ontology.get_action_type(name)
    if isinstance(info, Outage):
        return [failure(step, info, remedy=await _renamed(visit, info, name))]
    found = [
        Finding(step, misfit.level, f"{misfit.parameter} {misfit.what}", misfit.remedy)
        for misfit in misfits(action, info)
    ]
    return [_status(step, info), *found]


def _status(step: str, info: ActionTypeInfo) -> Finding:
    remedy = _UNSTEADY.get(info.status or "", "")
    level: Level = "warn" if remedy else "ok"
    said = f"visible, {len(info.parameters)} parameters, {info.status or 'no status'}"
    return Finding(step, level, said, remedy)


async def _renamed(visit: Visit, outage: Outage, name: str) -> str:
    """Names similar to the missing one, which may have been renamed."""
    if outage.gate != MISSING_ACTION.gate:
        return ""
    seen = await visit.foundry.ontology.list_action_types()
    if isinstance(seen, Outage):
        return ""
    if not seen:
        return "(the service user sees no action type at all)"
    near = get_close_matches(name, [info.api_name for info in seen], n=3)
    return f"(the service user sees {', '.join(near)})" if near else ""
