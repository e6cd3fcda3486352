"""`python -m deploy.local.demo`: the service at work on this machine, and the proof that it kept its promises."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console

from deploy.local.demo import by_hand
from deploy.local.demo.events import PARTITIONS, TICKETS, Draft
from deploy.local.demo.failed import DemoFailed
from deploy.local.demo.foundry import reached
from deploy.local.demo.kafka import connected, topics
from deploy.local.demo.oracle import judge
from deploy.local.demo.plan import plan, ticket_numbers
from deploy.local.demo.script import Course
from deploy.local.demo.service import Service
from deploy.local.demo.show import Screen
from deploy.local.demo.world import World, running, treat_as_interrupt
from deploy.local.kafka import BrokerFailed
from deploy.local.kafka.jars import JarsUnavailable

FEWEST, MOST = 1_000, 200_000
INTERRUPTED = 130
PAGE_WIDTH = 120
TOPICS = click.Choice(list(PARTITIONS))


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--events", default=20_000, show_default=True, type=click.IntRange(FEWEST, MOST))
@click.option("--seed", default=1, show_default=True, help="Equal seeds publish equal events.")
@click.option("--stay", is_flag=True, help="Keep all running at the end, to play with.")
@click.pass_context
def main(context: click.Context, *, events: int, seed: int, stay: bool) -> None:
    """Publish events to a Kafka of this demo's own, and see what the service makes of them.

    Exit codes: 0 every promise was kept; 1 one was broken, or something did not start.
    """
    if context.invoked_subcommand is None:
        treat_as_interrupt(signal.SIGTERM, signal.SIGHUP)
        # What the client tries again it need not tell; what fails for good is raised.
        logging.getLogger("aiokafka").setLevel(logging.ERROR)
        sys.exit(_demo(plan(events, seed), stay=stay))


def _demo(drafts: Sequence[Draft], *, stay: bool) -> int:
    screen = Screen(Console(width=None if sys.stdout.isatty() else PAGE_WIDTH))
    screen.say("Starting Apache Kafka and a Foundry emulator on this machine ...")
    try:
        with _refusals(), running(ticket_numbers(drafts), operated=stay) as world:
            kept = asyncio.run(_play(world, drafts, screen, stay=stay))
    except KeyboardInterrupt:
        screen.say("Interrupted; everything has ended.")
        return INTERRUPTED
    return 0 if kept else 1


@contextmanager
def _refusals() -> Iterator[None]:
    """What did not start or ended by itself is said in a sentence; anything else is a bug."""
    try:
        yield
    except (DemoFailed, BrokerFailed, JarsUnavailable) as fault:
        raise click.ClickException(str(fault)) from None
    except BaseExceptionGroup as group:
        faults = group.subgroup(DemoFailed)
        if faults is None:
            raise
        raise click.ClickException(str(faults.exceptions[0])) from None


async def _play(world: World, drafts: Sequence[Draft], screen: Screen, *, stay: bool) -> bool:
    async with (
        topics(world.bootstrap_servers, world.names),
        connected(world.bootstrap_servers, world.names) as kafka,
        reached(world.foundry_url) as foundry,
    ):
        screen.say(f"{len(drafts)} events are published while the service runs.")
        with Service(world) as service:
            course = Course(world, kafka, foundry, service, screen)
            kept = await _one_course(course, drafts)
            if stay:
                screen.say(by_hand.invitation(world))
                await service.ended()
            return await _stopped(service, screen) and kept


async def _one_course(course: Course, drafts: Sequence[Draft]) -> bool:
    with course.screen.live():
        await course.run(drafts)
    verdict = judge(await course.evidence())
    course.screen.conclude(verdict)
    seconds = time.monotonic() - course.began
    if verdict.kept:
        course.screen.say(
            f"Every promise was kept, through an outage and a kill -9, in {seconds:.0f} s."
        )
    else:
        course.screen.say("A PROMISE WAS BROKEN: see the red lines.")
    return verdict.kept


async def _stopped(service: Service, screen: Screen) -> bool:
    """A stop with nothing left undone ends with 0."""
    code = await service.stop()
    if code:
        screen.say(f"The service did not stop in order: it ended with {code}.")
    return code == 0


_broker = click.option("--broker", required=True, help="Where the demo's Kafka listens.")
_prefix = click.option("--prefix", default="", help="What the demo's topic names begin with.")


@main.command()
@_broker
@_prefix
@click.option("--topic", default=TICKETS, show_default=True, type=TOPICS)
@click.option("--key", required=True, help="Events of one key keep their order.")
@click.option("--type", "kind", default="", help="The event's type, for topics of CloudEvents.")
@click.argument("value")
def publish(*, broker: str, prefix: str, topic: str, key: str, kind: str, value: str) -> None:
    """Publish the event VALUE (JSON text) to a demo that stays."""
    with _refusals():
        click.echo(asyncio.run(by_hand.publish(broker, prefix, topic, key, kind, value)))


@main.command()
@_broker
@_prefix
def letters(*, broker: str, prefix: str) -> None:
    """Print the dead letters of a demo that stays, one JSON object a line."""
    with _refusals():
        for line in asyncio.run(by_hand.letters(broker, prefix)):
            click.echo(line)


if __name__ == "__main__":
    main()
