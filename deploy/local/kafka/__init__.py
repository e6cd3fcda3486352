"""Apache Kafka itself on this machine, with nothing but pip: a node or several, their own data folder, no container."""

from __future__ import annotations

from deploy.local.kafka.broker import Broker, BrokerFailed
from deploy.local.kafka.brokers import Brokers

__all__ = ["Broker", "BrokerFailed", "Brokers"]
