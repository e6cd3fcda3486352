"""The command line called, in this process or in one of its own, beside contracts that a test names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

import consumer
from consumer.cli import main

ROOT = Path(consumer.__file__).parent.parent
CANARY = "canary-s3cr3t"
MODULE = (sys.executable, "-m", "consumer")
SCRIPT = (str(Path(sys.executable).with_name("foundry-consumer")),)
CONTRACTS = '''
from __future__ import annotations

from consumer.contracts import Action, Contract, Event


class Paid(Event):
    """An invoice was paid."""

    invoice: str


class MarkPaid(Action, api_name="mark-paid"):
    """Mark an invoice as paid."""

    invoice: str


invoices = Contract("invoices", sources=["/billing"])


@invoices.on("paid.v1", Paid, order_by="invoice", repeat="safe")
def paid(event: Paid) -> MarkPaid:
    return MarkPaid(invoice=event.invoice)
'''


def clean_environment() -> dict[str, str]:
    ours = ("KAFKA_", "FOUNDRY_", "CONSUMER_")
    return {k: v for k, v in os.environ.items() if not k.upper().startswith(ours)}


def contracts_named(name: str, text: str = CONTRACTS) -> None:
    """A contracts package in the working directory; each test names its own, for imports are kept."""
    Path(name).mkdir()
    Path(name, "__init__.py").write_text(text)
    Path("consumer.toml").write_text(f'[consumer]\ncontracts = "{name}"\n')


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def process(*arguments: str, command: tuple[str, ...] = MODULE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        [*command, *arguments],
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
