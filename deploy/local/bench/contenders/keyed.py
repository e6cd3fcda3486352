"""A bare loop that keeps order by key: a queue for each key, one request at a time of each, as many at once as allowed.

All is read first, so Kafka costs it nothing while it sends; records are made into actions on the way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from deploy.local.bench.contenders.job import Job, post, reading, sending
from deploy.local.bench.contenders.loop import make_encode
from deploy.local.bench.contenders.supply import Supply
from deploy.local.bench.contracts.orders import SetOrderAlone


async def main(job: Job) -> None:
    """Read, then send until every queue is empty."""
    encode = make_encode()
    url = job.url(SetOrderAlone.action_type.name, "apply")
    async with reading(job) as consumer, sending() as session:
        queues = await _queues(Supply(consumer, job.wanted))
        ready = deque(queues)

        async def slot() -> None:
            while ready:
                queue = ready.popleft()
                await post(session, url, b'{"parameters":%b}' % encode(queue.popleft()))
                if queue:
                    ready.append(queue)

        async with asyncio.TaskGroup() as slots:
            # More slots than keys would only find nothing.
            for _ in range(min(job.in_flight, len(queues))):
                slots.create_task(slot())


async def _queues(supply: Supply) -> list[deque[Any]]:
    by_key: dict[bytes | None, deque[Any]] = {}
    while batch := await supply.batch():
        for record in batch:
            by_key.setdefault(record.key, deque()).append(record)
    return list(by_key.values())


if __name__ == "__main__":
    asyncio.run(main(Job.told()))
