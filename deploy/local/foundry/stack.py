"""The state of one emulated Foundry: every part of it is open to a test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.local.foundry.effects import Effects, Requests
from deploy.local.foundry.faults import Faults
from deploy.local.foundry.identity import Identity
from deploy.local.foundry.objects import Objects
from deploy.local.foundry.ontology import Ontology


@dataclass(slots=True)
class Limits:
    """What the stack allows; changeable at any time."""

    batch: int = 20
    """Actions in one request."""
    in_flight: int = 800
    """Requests under way at once."""


class Foundry:
    """What the service answers from, what it logs, and what goes wrong on demand."""

    def __init__(
        self,
        ontology: Ontology,
        *,
        identity: Identity,
        faults: Faults,
        effects: Effects,
        limits: Limits,
    ) -> None:
        self.ontology = ontology
        self.identity = identity
        self.faults = faults
        self.effects = effects
        self.limits = limits
        self.objects = Objects(ontology)
        self.requests = Requests()
        self.url = ""
        """`http://127.0.0.1:PORT`, once it listens."""
        self.ca_file: Path | None = None
        """What a client has to trust, over TLS."""

    @property
    def in_flight(self) -> int:
        """Requests whose headers have come and whose answer is not out."""
        return self.requests.in_flight

    def reset(self) -> None:
        """As at the start, but tokens stay valid, clients as they are, and the effects' sequence goes on."""
        self.faults.clear()
        self.objects.clear()
        self.effects.clear()
        self.requests.clear()
