"""A Foundry emulator: OAuth2, ontologies, actions and objects as the platform answers them, and faults on demand."""

from __future__ import annotations

from deploy.local.foundry.effects import Effect
from deploy.local.foundry.faults import Fault, parse_fault
from deploy.local.foundry.identity import Client
from deploy.local.foundry.loading import load_ontology, read_ontology
from deploy.local.foundry.server import DEFAULT_CLIENT, listening, serve
from deploy.local.foundry.stack import Foundry, Limits

__all__ = [
    "DEFAULT_CLIENT",
    "Client",
    "Effect",
    "Fault",
    "Foundry",
    "Limits",
    "listening",
    "load_ontology",
    "parse_fault",
    "read_ontology",
    "serve",
]
