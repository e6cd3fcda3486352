"""Online diagnosis, step by step: nothing is applied, nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from consumer.contracts import load
from consumer.doctor import foundry_steps, kafka_steps
from consumer.doctor.findings import Finding, Step, Visit
from consumer.errors import ContractError
from consumer.foundry.config import FoundryConfig
from consumer.foundry.opening import open_foundry
from consumer.kafka.client import FetchToken, KafkaConfig
from consumer.settings import CLOSE_TO_OTHERS, Settings, letters_come_back, open_to_all

__all__ = ["Finding", "diagnose"]


async def diagnose(
    settings: Settings,
    kafka: KafkaConfig,
    foundry: FoundryConfig,
    tell: Callable[[Finding], None],
    *,
    fetch_token: FetchToken | None = None,
) -> Sequence[Finding]:
    """Look at everything in turn; `tell` is called with each finding as soon as there is one.

    Raises:
        SettingsError: a certificate's file cannot be used.
    """
    findings: list[Finding] = []
    failed: set[str] = set()
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_foundry(foundry))
        visit = Visit(settings, kafka, fetch_token, foundry, opened, stack)
        for step in STEPS:
            found: Sequence[Finding]
            missing = next((need for need in step.needs if need in failed), None)
            if missing is None:
                found = await step.look(visit)
            else:
                found = [Finding(step.name, "skip", f"not checked: {missing} has to work first")]
            if missing is not None or any(finding.level == "fail" for finding in found):
                failed.add(step.name)
            for finding in found:
                tell(finding)
            findings += found
    return findings


async def _settings(visit: Visit) -> Sequence[Finding]:
    settings = visit.settings
    found = [Finding("settings", "ok", f"from {settings.file or 'the environment alone'}")]
    found += [Finding("settings", "warn", advice) for advice in settings.warnings]
    found += [Finding("settings", "warn", what, CLOSE_TO_OTHERS) for what in open_to_all(settings)]
    return found


async def _contracts(visit: Visit) -> Sequence[Finding]:
    name = visit.settings.consumer.contracts
    try:
        visit.contracts = load(name, visit.settings.topics)
    except ContractError as error:
        return [Finding("contracts", "fail", str(error), "run `check`")]
    fault = letters_come_back(visit.settings.dead_letters.topic, visit.contracts.by_topic)
    if fault is not None:
        return [Finding("contracts", "fail", f"{fault.key}: {fault.problem}", fault.remedy)]
    topics = ", ".join(sorted(visit.contracts.by_topic))
    actions = len(visit.contracts.actions)
    return [Finding("contracts", "ok", f"{name}: {actions} action types, topics {topics}")]


STEPS: tuple[Step, ...] = (
    Step("settings", _settings),
    Step("contracts", _contracts),
    Step("kafka.brokers", kafka_steps.brokers),
    Step("topics", kafka_steps.topics, needs=("contracts", "kafka.brokers")),
    Step("kafka.group", kafka_steps.group, needs=("kafka.brokers",)),
    Step("foundry.host", foundry_steps.way),
    Step("foundry.token", foundry_steps.token, needs=("foundry.host",)),
    Step("foundry.scopes", foundry_steps.scopes, needs=("foundry.token",)),
    Step("foundry.ontology", foundry_steps.ontology, needs=("foundry.token",)),
    Step("actions", foundry_steps.actions, needs=("contracts", "foundry.ontology")),
)
"""In this order. A step is skipped if one that it needs failed or was skipped."""
