"""`python -m deploy.local.foundry`: the emulator by hand."""

from __future__ import annotations

import asyncio
import gc
import signal
import tempfile
from contextlib import AbstractAsyncContextManager, ExitStack
from pathlib import Path

import click

from deploy.local.foundry import Client, Fault, Foundry, Limits, parse_fault, serve
from deploy.local.foundry.identity import ALL_SCOPES

FAULTS = """
\b
Faults are KIND[:NAME=VALUE,...], switched on here or by POST /__control__/faults:
  latency:seconds=0.05 | latency:low=0.01,high=0.2
  status:status=503,share=0.1,retry_after=2,body=json|text|html|empty
  error:name=ObjectChanged,code=CONFLICT   invalid:message=...
  unauthorized   forbidden:scope=...   missing:action=NAME
  redirect   html   cut   cut_body   hang[:when=after,seconds=1]   limit:concurrency=8,retry_after=1
  late:seconds=3,then=hang|cut|status,status=504
When: when=before (default; nothing is executed) or when=after. Where: action=NAME,
key=VALUE, endpoint=actions|token|metadata|objects|any. How long: times=N,
duration=SECONDS, share=0..1.

\b
Control API (loopback only), under /__control__/:
  GET status | in-flight | effects?after=SEQ | counts?repeats=true | requests?after=N
  GET, POST faults   DELETE faults[/ID]   POST tokens/revoke, tokens/expire, tokens/lifetime
  PUT clients/ID {"secrets": [...]}   DELETE clients/ID[?secret=...]
  PUT, GET objects/TYPE   PUT limits {"batch": 20, "in_flight": 800}   POST reset
"""


def _client(text: str) -> Client:
    client_id, _, secret = text.partition(":")
    if not client_id or not secret:
        raise ValueError(f"client: ID:SECRET is wanted, not {text!r}")
    return Client(client_id, {secret}, ALL_SCOPES)


def _clients(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> list[Client]:
    """One client per id; given twice, both secrets are valid."""
    clients: dict[str, Client] = {}
    try:
        for text in given:
            client = _client(text)
            clients.setdefault(client.id, client).secrets.update(client.secrets)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from fault
    return list(clients.values())


def _faults(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> list[Fault]:
    try:
        return [parse_fault(text) for text in given]
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from fault


@click.command(epilog=FAULTS)
@click.option("--port", default=8443, show_default=True, help="0 takes a free one.")
@click.option(
    "--ontology",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON, TOML or Python in the shapes of Foundry's metadata. Default: `fieldwork`, which the shipped contracts use.",
)
@click.option(
    "--client",
    "clients",
    multiple=True,
    default=["consumer:consumer-secret"],
    show_default=True,
    callback=_clients,
    help="ID:SECRET of a confidential client; the same id twice has two valid secrets.",
)
@click.option("--expires-in", default=3600.0, show_default=True, help="Seconds a token is valid.")
@click.option("--fault", "faults", multiple=True, callback=_faults, help="See below.")
@click.option("--seed", default=0, show_default=True, help="What chances are drawn from.")
@click.option(
    "--effects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append one JSON line for each action that took effect.",
)
@click.option("--lean", is_flag=True, help="Only count actions; for benchmarks.")
@click.option("--batch-limit", default=20, show_default=True)
@click.option("--max-in-flight", default=800, show_default=True)
@click.option("--tls", is_flag=True, help="Serve HTTPS with a certificate made now.")
@click.option(
    "--cert-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the certificates go; clients trust ca.pem there. Default: a temporary directory.",
)
def main(
    *,
    port: int,
    ontology: Path | None,
    clients: list[Client],
    expires_in: float,
    faults: list[Fault],
    seed: int,
    effects: Path | None,
    lean: bool,
    batch_limit: int,
    max_in_flight: int,
    tls: bool,
    cert_dir: Path | None,
) -> None:
    """Emulate Foundry on 127.0.0.1 until SIGTERM. Ready when it prints its address on one line."""
    with ExitStack() as stack:
        if tls and cert_dir is None:
            cert_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="foundry-")))
        running = serve(
            ontology,
            port=port,
            clients=clients,
            expires_in=expires_in,
            faults=faults,
            seed=seed,
            effects_file=effects,
            lean=lean,
            limits=Limits(batch_limit, max_in_flight),
            cert_dir=cert_dir if tls else None,
        )
        try:
            asyncio.run(_until_signal(running))
        except (OSError, ValueError) as fault:
            raise click.ClickException(str(fault)) from fault


async def _until_signal(running: AbstractAsyncContextManager[Foundry]) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # what is kept is not garbage: look for it less often
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with running as foundry:
        if foundry.ca_file is not None:
            click.echo(f"CA certificate: {foundry.ca_file}", err=True)
        click.echo(foundry.url)
        await stopped.wait()


if __name__ == "__main__":
    main()
