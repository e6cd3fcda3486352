"""Palantir's own client, set up against an emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from deploy.local.foundry import DEFAULT_CLIENT, Foundry
from deploy.local.foundry.identity import ALL_SCOPES

if TYPE_CHECKING:
    import foundry_sdk

T = TypeVar("T")
Work = Callable[["foundry_sdk.FoundryClient"], Any]


def credentials(sdk: Any, foundry: Foundry, secret: str) -> tuple[Any, Any, str]:
    scheme, _, host = foundry.url.partition("://")
    verify = True if foundry.ca_file is None else str(foundry.ca_file)
    auth = sdk.ConfidentialClientAuth(
        client_id=DEFAULT_CLIENT[0],
        client_secret=secret,
        scopes=sorted(ALL_SCOPES),
        should_refresh=False,
    )
    return auth, sdk.Config(scheme=scheme, verify=verify, timeout=10, max_retries=1), host


def make_client(
    sdk: Any, foundry: Foundry, secret: str = DEFAULT_CLIENT[1]
) -> foundry_sdk.FoundryClient:
    auth, config, host = credentials(sdk, foundry, secret)
    client: foundry_sdk.FoundryClient = sdk.FoundryClient(auth=auth, hostname=host, config=config)
    return client


async def in_thread(call: Callable[[], T]) -> T:
    """The client blocks, and the emulator lives in this loop."""
    return await asyncio.to_thread(call)


def apply(action: str, parameters: dict[str, Any], ontology: str = "fieldwork") -> Work:
    return lambda client: client.ontologies.Action.apply(ontology, action, parameters=parameters)


def batch(action: str, items: list[dict[str, Any]]) -> Work:
    return lambda client: client.ontologies.Action.apply_batch(
        "fieldwork",
        action,
        requests=[{"parameters": item} for item in items],
    )
