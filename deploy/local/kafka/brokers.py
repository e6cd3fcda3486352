"""Several nodes of Apache Kafka that replicate to one another: what a single one cannot show."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from deploy.local.kafka.broker import ATTEMPTS, Broker, BrokerFailed, free_ports, new_cluster_id
from deploy.local.kafka.properties import Seat


class Brokers:
    """A cluster of so many nodes, each broker and controller, each with all the data. `async with` starts and stops it."""

    def __init__(
        self, data_dir: Path, nodes: int, properties: Mapping[str, str] | None = None
    ) -> None:
        self.nodes: Mapping[int, Broker] = {}
        """By node id, from 1; empty until started."""
        self._data_dir = data_dir
        self._number = nodes
        self._properties = properties

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(broker.bootstrap_servers for broker in self.nodes.values())

    def __iter__(self) -> Iterator[Broker]:
        return iter(self.nodes.values())

    async def __aenter__(self) -> Self:
        for attempt in range(1, ATTEMPTS + 1):
            self._place(self._data_dir / str(attempt))
            try:
                await self._start()
            except* BrokerFailed:
                # Somebody may have taken a port before Kafka bound it.
                await self.__aexit__()
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for broker in self:
                # Not in order: the last ones would wait in vain for those that are gone to agree.
                if broker.alive:
                    stack.callback(broker.kill)

    def _place(self, folder: Path) -> None:
        ids = range(1, self._number + 1)
        ports = free_ports(2 * self._number)
        controllers = dict(zip(ids, ports, strict=False))
        cluster = new_cluster_id()
        self.nodes = {
            node: Broker(
                folder / str(node), port, self._properties, Seat(node, controllers, cluster)
            )
            for node, port in zip(ids, ports[self._number :], strict=True)
        }

    async def _start(self) -> None:
        """All at once: one alone waits for the others to agree with it."""
        async with asyncio.TaskGroup() as tasks:
            for broker in self:
                tasks.create_task(asyncio.to_thread(broker.restart))
