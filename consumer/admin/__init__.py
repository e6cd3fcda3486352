"""The admin port, for whoever runs the service: probes, metrics, status, and the operator's verbs."""

from __future__ import annotations

from consumer.admin.server import AdminConfig, Surface, serve
from consumer.admin.status import status

__all__ = ["AdminConfig", "Surface", "serve", "status"]
