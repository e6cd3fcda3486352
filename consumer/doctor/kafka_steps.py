"""The Kafka half: brokers, topics, dead-letter topics, the group."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from consumer.contracts import Contracts
from consumer.doctor.findings import Finding, Visit
from consumer.errors import StartRefused
from consumer.kafka.deadletters import letter_topic
from consumer.kafka.inspection import Inspector, inspecting
from consumer.kafka.retention import REMEDY


async def brokers(visit: Visit) -> Sequence[Finding]:
    """Connect with the service's own settings; one broker that answers is enough."""
    try:
        visit.kafka = await visit.stack.enter_async_context(
            inspecting(visit.kafka_config, visit.fetch_token)
        )
    except StartRefused as refused:
        return [_refused("kafka.brokers", refused)]
    servers = ", ".join(visit.kafka_config.bootstrap_servers)
    protocol = visit.kafka_config.security_protocol
    what = f"brokers: {visit.kafka.brokers}, found through {servers} ({protocol})"
    return [Finding("kafka.brokers", "ok", what)]


async def topics(visit: Visit) -> Sequence[Finding]:
    """Whether each topic exists and is readable, and each dead-letter topic exists and is writable."""
    kafka, contracts = _kafka(visit), _contracts(visit)
    template = visit.settings.dead_letters.topic
    found = []
    for topic in sorted(contracts.by_topic):
        step = f"topic {topic}"
        found.append(await _looked_at(step, kafka.refuse_unreadable(topic), "exists, readable"))
    letters = {topic: letter_topic(template, topic) for topic in contracts.by_topic}
    short = await kafka.letters_gone_first(letters)
    for topic in sorted({*letters.values()}):
        step = f"dead letters {topic}"
        found.append(await _looked_at(step, kafka.refuse_unwritable(topic), "exists, writable"))
        if topic in short:
            found.append(Finding(step, "warn", short[topic], REMEDY))
    return found


async def group(visit: Visit) -> Sequence[Finding]:
    """Whether the group can be read. It is not joined."""
    group_id = visit.kafka_config.group_id
    asked = _kafka(visit).refuse_unreadable_group(group_id)
    return [await _looked_at("kafka.group", asked, f"{group_id}: readable")]


async def _looked_at(step: str, asked: Awaitable[None], well: str) -> Finding:
    try:
        await asked
    except StartRefused as refused:
        return _refused(step, refused)
    return Finding(step, "ok", well)


def _refused(step: str, refused: StartRefused) -> Finding:
    """A refusal's text is what is wrong, a colon, and what to do."""
    what, _, remedy = str(refused).rpartition(": ")
    return Finding(step, "fail", what or str(refused), remedy if what else "")


def _kafka(visit: Visit) -> Inspector:
    if visit.kafka is None:
        raise TypeError("the step needs the brokers")
    return visit.kafka


def _contracts(visit: Visit) -> Contracts:
    if visit.contracts is None:
        raise TypeError("the step needs the contracts")
    return visit.contracts
