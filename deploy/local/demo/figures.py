"""The figures of the moment: from the broker, the emulator and the service's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka import TopicPartition

from deploy.local.demo.events import PARTITIONS
from deploy.local.demo.foundry import Foundry
from deploy.local.demo.kafka import Kafka
from deploy.local.demo.service import Service


@dataclass(frozen=True, slots=True)
class Figures:
    """What is shown while it runs."""

    seconds: float
    published: int
    effects: int
    letters: int
    in_flight: int
    lag: int
    """Records that the group has not committed yet."""
    gate: str
    service: str
    phase: str


async def settled(kafka: Kafka, group: str) -> tuple[int, Mapping[TopicPartition, int]]:
    """Records that are published and not committed, and the committed offsets."""
    ends = await kafka.ends([kafka.names.here(topic) for topic in PARTITIONS])
    committed = await kafka.committed(group)
    return sum(end - committed.get(partition, 0) for partition, end in ends.items()), committed


async def figures(
    kafka: Kafka, foundry: Foundry, service: Service, group: str, seconds: float, phase: str
) -> Figures:
    """Raises DemoFailed where the service has ended by itself."""
    service.look()
    ends = await kafka.ends(kafka.names.all)
    letters = {kafka.names.pair(topic)[1] for topic in PARTITIONS}
    committed = await kafka.committed(group)
    status = await foundry.status()
    sources = {each: end for each, end in ends.items() if each.topic not in letters}
    return Figures(
        seconds=seconds,
        published=sum(sources.values()),
        effects=status["effects"],
        letters=sum(end for each, end in ends.items() if each.topic in letters),
        in_flight=status["inFlight"],
        lag=sum(end - committed.get(each, 0) for each, end in sources.items()),
        gate=service.gate,
        service=service.state,
        phase=phase,
    )
