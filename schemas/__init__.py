"""The contracts: which events are consumed, and what each does in the ontology.

One module for each topic; `ontology.py` holds the typed actions; `examples/` shows, for each event
type, what is accepted and what is refused. Written with `consumer.contracts` alone.
"""

from __future__ import annotations
