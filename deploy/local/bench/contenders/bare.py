"""The bare limit: records are read and thrown away, and bodies that were made before are sent."""

from __future__ import annotations

import asyncio

from deploy.local.bench.contenders.job import BATCH, Job, post, reading, sending
from deploy.local.bench.contenders.supply import Supply
from deploy.local.bench.contracts.orders import OrderPlaced, SetOrder, set_order
from deploy.local.bench.records import record

_ITEM = b'{"parameters":%b}'


def fixed_bodies() -> list[bytes]:
    """By the number of actions in it."""
    event = OrderPlaced.model_validate_json(record(123_456, 10_000, "safe").value)
    item = _ITEM % set_order(event).call().parameters
    return [b'{"requests":[%b]}' % b",".join([item] * size) for size in range(BATCH + 1)]


async def main(job: Job) -> None:
    """Read and send until all is sent."""
    bodies = fixed_bodies()
    url = job.url(SetOrder.action_type.name, "applyBatch")
    async with reading(job) as consumer, sending() as session:
        supply = Supply(consumer, job.wanted)

        async def slot() -> None:
            while batch := await supply.batch():
                await post(session, url, bodies[len(batch)])

        async with asyncio.TaskGroup() as slots:
            for _ in range(job.in_flight):
                slots.create_task(slot())


if __name__ == "__main__":
    asyncio.run(main(Job.told()))
