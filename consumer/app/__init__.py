"""The composition root: `service` wires everything, `configs` turns the settings into what each part needs."""

from __future__ import annotations
