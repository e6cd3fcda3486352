"""Reads and does nothing: the client library's own share."""

from __future__ import annotations

import asyncio

from deploy.local.bench.contenders.job import Job, reading
from deploy.local.bench.contenders.supply import Supply


async def main(job: Job) -> None:
    """Read all."""
    async with reading(job) as consumer:
        supply = Supply(consumer, job.wanted)
        while await supply.batch():
            pass


if __name__ == "__main__":
    asyncio.run(main(Job.told()))
