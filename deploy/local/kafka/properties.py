"""The configuration of an Apache Kafka node, broker and controller in one process; by default the only one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Seat:
    """A node's place among those of its cluster."""

    node: int
    controllers: Mapping[int, int]
    """By node, the port that its controller listens on."""
    cluster_id: str

    @property
    def voters(self) -> str:
        return ",".join(f"{node}@{HOST}:{port}" for node, port in self.controllers.items())


def server_properties(data_dir: Path, port: int, seat: Seat, extra: Mapping[str, str]) -> str:
    """The text of `server.properties`; `extra` wins, save that its `listeners` come on top of ours."""
    controller_port = seat.controllers[seat.node]
    listeners = [f"PLAINTEXT://{HOST}:{port}", f"CONTROLLER://{HOST}:{controller_port}"]
    advertised = [f"PLAINTEXT://{HOST}:{port}"]
    extra = dict(extra)
    if more := extra.pop("listeners", ""):
        listeners.append(more)
        advertised.append(more)
    replicas = str(len(seat.controllers))
    properties = {
        "process.roles": "broker,controller",
        "node.id": str(seat.node),
        "controller.quorum.voters": seat.voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": ",".join(listeners),
        "advertised.listeners": ",".join(advertised),
        "log.dirs": str(data_dir / "log"),
        # Each node has everything.
        "default.replication.factor": replicas,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": "1",
        # Fewer files, a faster start, and a group that does not wait for members that never come.
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # After a kill the node is let in again only when its old registration has timed out.
        "broker.session.timeout.ms": "1500",
        "broker.heartbeat.interval.ms": "500",
        "log.cleaner.dedupe.buffer.size": str(4 * 2**20),
        "num.network.threads": "2",
        "num.io.threads": "4",
        **extra,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())
