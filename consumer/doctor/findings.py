"""What the doctor reports, and what it knows while it looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Literal

from consumer.contracts import Contracts
from consumer.foundry.config import FoundryConfig
from consumer.foundry.opening import Foundry
from consumer.foundry.tokens import Token
from consumer.kafka.client import FetchToken, KafkaConfig
from consumer.kafka.inspection import Inspector
from consumer.outcomes import Outage
from consumer.settings import Settings

Level = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is all right, why not, and what to do then."""

    step: str
    level: Level
    what: str
    remedy: str = ""


@dataclass(slots=True)
class Visit:
    """One diagnosis: what it works with, and what its steps find out for later ones."""

    settings: Settings
    kafka_config: KafkaConfig
    fetch_token: FetchToken | None
    config: FoundryConfig
    foundry: Foundry
    stack: AsyncExitStack
    """Closes what a step has opened."""
    contracts: Contracts | None = None
    kafka: Inspector | None = None
    token: Token | None = None


Look = Callable[[Visit], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True)
class Step:
    """A function that looks at one thing; it is skipped if a step that it needs has failed."""

    name: str
    look: Look
    needs: tuple[str, ...] = ()


def failure(step: str, outage: Outage, *, remedy: str = "") -> Finding:
    """An outage as a finding: the answer, and the ids by which Palantir's support can find it."""
    answer = outage.answer
    parts = [answer.detail or answer.cause]
    if answer.error_name and answer.error_name not in parts[0]:
        parts.append(answer.error_name)
    if answer.error_instance_id:
        parts.append(f"errorInstanceId {answer.error_instance_id}")
    said = " ".join(part for part in (outage.remedy or "", remedy) if part)
    return Finding(step, "fail", ", ".join(parts), said or "it may be temporary: try again")
