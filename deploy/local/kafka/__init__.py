"""Apache Kafka itself on this machine, with nothing but pip: one node, its own data folder, no container."""

from __future__ import annotations

from deploy.local.kafka.broker import Broker, BrokerFailed

__all__ = ["Broker", "BrokerFailed"]
