"""An emulator that is told what to be like, and what the doctor says of it, by step."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from consumer.doctor import Finding, diagnose
from consumer.foundry.config import FoundryConfig
from consumer.kafka.client import KafkaConfig
from consumer.settings import Secret, load_settings
from deploy.local.foundry import DEFAULT_CLIENT, Foundry, serve
from deploy.local.foundry.example import ONTOLOGY


def config(url: str, **changes: Any) -> FoundryConfig:
    client_id, secret = DEFAULT_CLIENT
    values: dict[str, Any] = {
        "hostname": url,
        "ontology": "fieldwork",
        "client_id": client_id,
        "client_secret": Secret("foundry.client_secret", text=secret),
        "request_timeout": 5.0,
    }
    return FoundryConfig(**(values | changes))


async def examined(told: FoundryConfig) -> dict[str, list[Finding]]:
    """Findings by step, in the order in which they were told."""
    heard: list[Finding] = []
    nowhere = KafkaConfig(bootstrap_servers=("127.0.0.1:1",), group_id="g")
    found = await diagnose(load_settings(), nowhere, told, heard.append)
    assert list(found) == heard
    steps: dict[str, list[Finding]] = {}
    for finding in found:
        steps.setdefault(finding.step, []).append(finding)
    return steps


def levels(findings: dict[str, list[Finding]]) -> dict[str, str]:
    """The gravest level of each step."""
    order = ["ok", "skip", "warn", "fail"]
    return {
        step: max((finding.level for finding in found), key=order.index)
        for step, found in findings.items()
    }


@asynccontextmanager
async def changed(**changes: Any) -> AsyncIterator[Foundry]:
    """The shipped ontology with one action type changed."""
    ontology = copy.deepcopy(ONTOLOGY)
    for described in ontology["actionTypes"]:
        definition = described["actionType"]
        if definition["apiName"] == "create-ticket":
            definition.update(changes)
    async with serve(ontology) as foundry:
        yield foundry


def parameters(**changes: Any) -> dict[str, Any]:
    """The parameters of `create-ticket`, some of them changed; None: gone."""
    found: dict[str, Any] = next(
        copy.deepcopy(dict(described["actionType"]["parameters"]))
        for described in ONTOLOGY["actionTypes"]
        if described["actionType"]["apiName"] == "create-ticket"
    )
    found.update(changes)
    return {name: parameter for name, parameter in found.items() if parameter is not None}
