"""`python -m deploy.local.bench`: what the guarantees cost, as ratios within one run."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from deploy.local.bench.figures import Section, print_section
from deploy.local.bench.machine import busy, description
from deploy.local.bench.runs import RunFailed
from deploy.local.bench.scale import LONG, QUICK, Scale
from deploy.local.bench.sections.backlog import backlog
from deploy.local.bench.sections.claims import claims
from deploy.local.bench.sections.lanes import cap, keys
from deploy.local.bench.sections.latency import latency
from deploy.local.bench.sections.profile import functions, profile
from deploy.local.bench.sections.ratios import ratios
from deploy.local.bench.world import World, world

SECTIONS: dict[str, Callable[[World, Scale], Section]] = {
    "ratios": ratios,
    "latency": latency,
    "claims": claims,
    "keys": keys,
    "cap": cap,
    "backlog": backlog,
    "profile": profile,
    "functions": functions,
}
_WIDTH = 130
ON_DEMAND = ("profile", "functions")
"""They explain, and measure nothing that was promised."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("sections", nargs=-1, type=click.Choice(list(SECTIONS)))
@click.option(
    "--quick/--long",
    "quick",
    default=True,
    show_default=True,
    help="Minutes; or as long as it takes, with a backlog of a million.",
)
@click.option("--profile", "explain", is_flag=True, help="Also say where an event's time goes.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
def main(*, sections: tuple[str, ...], quick: bool, explain: bool, file: Path | None) -> None:
    """Measure the service against loops that promise less. SECTIONS: all but profile and functions.

    Exit codes: 0 measured, and every target met; 1 one was missed, or a contender failed.
    """
    # The client library warns of topics that are being made.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    # A pipe has no width: tables as wide as they need.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    chosen = [name for name in SECTIONS if name in sections]
    if not sections:
        chosen = [name for name in SECTIONS if explain or name not in ON_DEMAND]
    elif explain:
        chosen += [name for name in ON_DEMAND if name not in chosen]
    begin, load_before = time.monotonic(), busy()
    found: list[Section] = []
    with world() as running:
        console.print(f"{description()}; load {load_before:.1f} at the start")
        if not running.cores.apart:
            console.print("who is measured shares its core with broker and sink: take two cores")
        for name in chosen:
            try:
                section = SECTIONS[name](running, QUICK if quick else LONG)
            except RunFailed as failure:
                raise click.ClickException(f"{name}: {failure}") from None
            print_section(console, section)
            found.append(section)
    console.print(f"{time.monotonic() - begin:.0f} seconds; load {busy():.1f} at the end")
    if file is not None:
        _write(file, found, load_before)
    sys.exit(0 if all(target.met for section in found for target in section.targets) else 1)


def _write(file: Path, found: list[Section], load_before: float) -> None:
    told = {
        "machine": description(),
        "load": {"before": load_before, "after": busy()},
        "sections": [section.as_json() for section in found],
    }
    file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
