"""The naive loop: one record, one request, one commit. It loses nothing while it lives, and nothing is at once."""

# mypy: allow-untyped-calls
# The client library ships no types of its own.

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition

from deploy.local.bench.contenders.job import Job, post, reading, sending
from deploy.local.bench.contenders.loop import make_encode
from deploy.local.bench.contracts.orders import SetOrder


async def main(job: Job) -> None:
    """Consume one after another until all is sent."""
    encode = make_encode()
    url = job.url(SetOrder.action_type.name, "apply")
    async with reading(job) as consumer, sending() as session:
        for _ in range(job.wanted):
            record = await consumer.getone()
            await post(session, url, b'{"parameters":%b}' % encode(record))
            done = TopicPartition(record.topic, record.partition)
            await consumer.commit({done: record.offset + 1})


if __name__ == "__main__":
    asyncio.run(main(Job.told()))
