"""`python -m deploy.local.chaos`: faults of every kind against the service on this machine, and a verdict on each."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from consumer.errors import ConsumerError
from deploy.local.chaos.defects import Defect
from deploy.local.chaos.failed import ChaosFailed, NotPlayable
from deploy.local.chaos.process import OURS
from deploy.local.chaos.run import Result, Subject, play, subject
from deploy.local.chaos.scenario import Scenario
from deploy.local.chaos.scenarios import SCENARIOS
from deploy.local.chaos.show import Screen
from deploy.local.chaos.stage import NO_PROGRESS
from deploy.local.demo.world import treat_as_interrupt
from deploy.local.kafka import Broker, BrokerFailed
from deploy.local.kafka.jars import JarsUnavailable

INTERRUPTED = 130
PAGE_WIDTH = 140
IMPATIENT = 15.0
"""Seconds without progress that are enough where something is broken on purpose."""
Part = tuple[Scenario, Defect | None]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[SCENARIO]...")
@click.option("--minutes", type=click.FloatRange(min=0.1), help="Play each so long, not a tour.")
@click.option("--seed", default=1, show_default=True, help="Equal seeds publish equal events.")
@click.option("--contracts", default="schemas", show_default=True, help="Import path of yours.")
@click.option("--defect", help="Seed this defect into a copy of the service: it has to be caught.")
@click.option("--prove", is_flag=True, help="Each scenario with its defect: expects each caught.")
@click.option("--list", "listing", is_flag=True, help="Print scenarios and their defects.")
def main(
    *,
    names: tuple[str, ...],
    minutes: float | None,
    seed: int,
    contracts: str,
    defect: str | None,
    prove: bool,
    listing: bool,
) -> None:
    """Play scenarios of faults; without a name all of them, in ten minutes.

    Events are made from the examples of the contracts. Exit codes: 0 every promise was kept (with
    --prove: every defect was caught); 1 one was broken, or something did not start; 2 wrong usage.
    """
    parts = _parts(names, defect, prove=prove)
    if listing:
        for line in _listed(parts):
            click.echo(line)
        return
    treat_as_interrupt(signal.SIGTERM, signal.SIGHUP)
    # What the client tries again it need not tell; what fails for good is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]  # a real installation's must not aim it at that
    screen = Screen(Console(width=None if sys.stdout.isatty() else PAGE_WIDTH))
    seconds = None if minutes is None else minutes * 60
    try:
        with _refusals():
            results = _run(parts, subject(contracts), screen, seed, seconds)
    except KeyboardInterrupt:
        screen.say("Interrupted; everything has ended.")
        sys.exit(INTERRUPTED)
    sys.exit(_concluded(screen, results, prove=prove))


def _parts(names: Sequence[str], defect: str | None, *, prove: bool) -> list[Part]:
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        known = ", ".join(SCENARIOS)
        raise click.BadParameter(f"no scenario {', '.join(unknown)}; there are: {known}")
    chosen = [SCENARIOS[name] for name in names] or list(SCENARIOS.values())
    if defect is None:
        return [(each, each.defects[0] if prove else None) for each in chosen]
    found = [(each, d) for each in chosen for d in each.defects if d.name == defect]
    if not found:
        known = ", ".join(d.name for each in chosen for d in each.defects)
        raise click.BadParameter(f"no defect {defect!r} there; there are: {known}")
    return list(found)


def _listed(parts: Sequence[Part]) -> Iterator[str]:
    for scenario, _ in parts:
        yield f"{scenario.name:10} {scenario.does}"
        for defect in scenario.defects:
            yield f"{'':10}   defect {defect.name}: {defect.suffers}"


@contextmanager
def _refusals() -> Iterator[None]:
    """What did not start is said in a sentence; anything else is a bug."""
    try:
        yield
    except (ChaosFailed, BrokerFailed, JarsUnavailable, ConsumerError) as fault:
        raise click.ClickException(str(fault)) from None


def _run(
    parts: Sequence[Part], about: Subject, screen: Screen, seed: int, seconds: float | None
) -> list[Result]:
    folder = Path(tempfile.mkdtemp(prefix="foundry-chaos-"))
    for name, why in about.found.left_out.items():
        screen.say(f"left out: {name}: {why}")
    results = []
    try:
        with Broker(folder / "kafka") as broker, screen.live():
            for scenario, defect in parts:
                screen.begin()
                show = partial(screen.show, scenario.name)
                run = play(
                    scenario,
                    about,
                    broker,
                    folder,
                    seed=seed,
                    seconds=seconds,
                    defect=defect,
                    patience=NO_PROGRESS if defect is None else IMPATIENT,
                    show=show,
                )
                try:
                    results.append(asyncio.run(run))
                except NotPlayable as why:
                    screen.say(f"{scenario.name}: not played: {why}")
                else:
                    screen.end(results[-1])
    finally:
        if all(result.verdict.kept for result in results):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            shutil.rmtree(folder / "kafka", ignore_errors=True)
    return results


def _concluded(screen: Screen, results: Sequence[Result], *, prove: bool) -> int:
    screen.conclude()
    if prove:
        missed = [each.scenario.name for each in results if each.verdict.kept]
        screen.say(f"Not caught: {', '.join(missed)}." if missed else "Every defect was caught.")
        return int(bool(missed))
    if all(each.verdict.kept for each in results):
        screen.say("Every promise was kept.")
        return 0
    screen.say("A PROMISE WAS BROKEN: see the red lines.")
    return 1


if __name__ == "__main__":
    main()
