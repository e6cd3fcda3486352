"""From a producer's send to the arrival at Foundry, while next to nothing is going on."""

# mypy: allow-untyped-calls
# The client library ships no types of its own.

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from aiokafka import AIOKafkaProducer

from deploy.local.bench.figures import Section
from deploy.local.bench.records import record
from deploy.local.bench.runs import Contender, RunFailed, start
from deploy.local.bench.scale import Scale
from deploy.local.bench.world import World

PER_SECOND = 50
_KEYS = 10_000
_WARMING_UP = 25
"""Events in which connections are opened, and no samples."""
_FIRST_WITHIN = 30.0
_REST_WITHIN = 10.0
_CONTENDERS: tuple[Contender, ...] = ("bare", "loop", "consumer")


def latency(world: World, scale: Scale) -> Section:
    """Each round has each contender once; their samples are put together."""
    samples: dict[Contender, list[float]] = defaultdict(list)
    for number in range(scale.rounds):
        for contender in _CONTENDERS:
            samples[contender] += _milliseconds(world, contender, number, scale.latency_seconds)
    found = {name: (_percentile(of, 50), _percentile(of, 99)) for name, of in samples.items()}
    bare_50, bare_99 = found["bare"]
    rows = [
        {
            "contender": name,
            "p50, ms": f"{p50:.2f}",
            "p99, ms": f"{p99:.2f}",
            "added p50": f"{p50 - bare_50:+.2f}",
            "added p99": f"{p99 - bare_99:+.2f}",
            "samples": str(len(samples[name])),
        }
        for name, (p50, p99) in found.items()
    ]
    return Section(
        "latency",
        f"Send to arrival at {PER_SECOND} events a second",
        rows,
        note="added: beside the bare limit, in the same rounds",
        figures={name: {"p50": p50, "p99": p99} for name, (p50, p99) in found.items()},
    )


def _milliseconds(world: World, contender: Contender, number: int, seconds: float) -> list[float]:
    topic = f"bench-latency-{contender}-{number}"
    world.topics.empty(topic, 1)
    world.sink.reset(arrivals=True)
    started = start(world, contender, topic)
    try:
        sent = asyncio.run(_produce(world, topic, int(seconds * PER_SECOND)))
        arrived = _arrivals(world, len(sent))
    finally:
        started.stop()
    # One partition, one after another: the first sent is the first to arrive.
    return [
        (there - here) * 1000 for here, there in list(zip(sent, arrived, strict=True))[_WARMING_UP:]
    ]


async def _produce(world: World, topic: str, events: int) -> list[float]:
    """When each was sent; after the first it is waited until the contender has begun."""
    sent: list[float] = []
    loop = asyncio.get_running_loop()
    async with AIOKafkaProducer(bootstrap_servers=world.servers, acks="all") as producer:
        for sequence in range(events + _WARMING_UP):
            key, value, headers = record(sequence, _KEYS, "safe")
            sent.append(time.monotonic())
            await producer.send_and_wait(topic, value, key, 0, headers=headers)
            if sequence:
                await asyncio.sleep(max(0.0, sent[-1] + 1 / PER_SECOND - loop.time()))
            else:
                await asyncio.to_thread(_arrivals, world, 1, _FIRST_WITHIN)
    return sent


def _arrivals(world: World, events: int, within: float = _REST_WITHIN) -> list[float]:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        seen = world.sink.seen()
        if seen.items >= events:
            return seen.arrivals
        time.sleep(0.05)
    raise RunFailed(f"{events} events were sent, and not all arrived in {within:g} seconds")


def _percentile(samples: list[float], percent: int) -> float:
    ranked = sorted(samples)
    return ranked[min(len(ranked) - 1, len(ranked) * percent // 100)]
