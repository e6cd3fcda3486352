"""The demo: events with faults, outages and a kill go through the service, and what came of each is counted."""

from __future__ import annotations
