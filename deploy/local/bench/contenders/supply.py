"""Records for as many request loops as there are slots: no queue, no task and no future for a record."""

# mypy: allow-untyped-calls
# The client library ships no types of its own.

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from aiokafka import AIOKafkaConsumer

from deploy.local.bench.contenders.job import BATCH

_HELPING = 2000
"""Records taken from the client library at one go."""
_WAIT_MS = 1000
_COMMIT_EVERY = 1.0


class Supply:
    """What was read and not yet sent, shared by the request loops of one contender."""

    def __init__(self, consumer: AIOKafkaConsumer, events: int) -> None:
        self._consumer = consumer
        self._left = events
        self._records: deque[Any] = deque()
        self._reading = asyncio.Lock()

    async def batch(self) -> list[Any]:
        """The next records, up to a batch; none when all are taken."""
        records = self._records
        while not records:
            async with self._reading:
                # Another loop may have read meanwhile.
                if not records and not await self._read():
                    return []
        return [records.popleft() for _ in range(min(len(records), BATCH))]

    async def _read(self) -> bool:
        if not self._left:
            return False
        helping = min(_HELPING, self._left)
        taken = await self._consumer.getmany(timeout_ms=_WAIT_MS, max_records=helping)
        for records in taken.values():
            self._left -= len(records)
            self._records.extend(records)
        return True


async def commit_often(consumer: AIOKafkaConsumer) -> None:
    """Commit what was read, each second, applied or not. Ends only by cancellation."""
    while True:
        await asyncio.sleep(_COMMIT_EVERY)
        await consumer.commit()
