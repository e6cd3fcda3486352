"""The composition root: `service` wires everything, `configs` turns settings into what each part takes."""

from __future__ import annotations
