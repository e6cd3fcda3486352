"""The contracts of the benchmark: one event and one action shape, under each way to repeat."""

from __future__ import annotations

from deploy.local.bench.contracts.orders import orders

__all__ = ["orders"]
