"""`python -m deploy.local.kafka --port N`: a broker until SIGTERM, Ctrl-C, or the end of the parent process."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

import click

from deploy.local.kafka.broker import Broker, BrokerFailed
from deploy.local.kafka.jars import JarsUnavailable

LOOK_EVERY = 0.25


@click.command()
@click.option("--port", default=9092, show_default=True, help="Where it listens; 0: a free port.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps its data; an existing folder is used on. Default: a new one, removed at the end.",
)
@click.option(
    "--set", "properties", multiple=True, metavar="NAME=VALUE", help="A property of the broker."
)
def main(port: int, data: Path | None, properties: tuple[str, ...]) -> None:
    """Run Apache Kafka on this machine. Prints its address on one line when it is ready."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    parent = os.getppid()
    with tempfile.TemporaryDirectory(prefix="kafka-") as scratch:
        try:
            with Broker(data or Path(scratch), port, _pairs(properties)) as broker:
                click.echo(broker.bootstrap_servers)
                sys.stdout.flush()
                while broker.alive and os.getppid() == parent:
                    if stop.wait(LOOK_EVERY):
                        return
                died = not broker.alive
        except (BrokerFailed, JarsUnavailable, OSError) as error:
            raise click.ClickException(str(error)) from None
    if died:
        raise click.ClickException("the broker ended by itself")


def _pairs(properties: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for each in properties:
        name, equals, value = each.partition("=")
        if not equals:
            raise click.BadParameter(f"{each!r} is not NAME=VALUE", param_hint="--set")
        pairs[name] = value
    return pairs


if __name__ == "__main__":
    main()
