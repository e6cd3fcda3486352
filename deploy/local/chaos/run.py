"""One scenario from beginning to end: staged, played, settled, judged."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import consumer
from consumer.contracts import Contracts, load
from consumer.pipeline import Prepare, make_prepare
from deploy.local.chaos.ambush import POINTS
from deploy.local.chaos.defects import Defect
from deploy.local.chaos.evidence import Disturbance, Rules
from deploy.local.chaos.failed import ChaosFailed
from deploy.local.chaos.kafka import connected
from deploy.local.chaos.ontology import fitted
from deploy.local.chaos.oracle import Verdict, judge
from deploy.local.chaos.patches import patched
from deploy.local.chaos.process import Consumer
from deploy.local.chaos.scenario import Scenario
from deploy.local.chaos.settings import (
    CLIENT,
    COMMIT_INTERVAL,
    REQUEST_TIMEOUT,
    SETTLE_TIME,
    Changes,
    settings,
)
from deploy.local.chaos.stage import CLOCK_FILE, NO_PROGRESS, SECRET_FILE, Stage
from deploy.local.chaos.stalls import misgivings, note_stalls
from deploy.local.chaos.supply import Supply
from deploy.local.chaos.variety import Repertoire, repertoire
from deploy.local.chaos.witnesses import Witnesses
from deploy.local.foundry import Client, Fault, Foundry, Limits
from deploy.local.foundry.effects import Effects
from deploy.local.foundry.faults import Faults
from deploy.local.foundry.identity import ALL_SCOPES, Identity
from deploy.local.foundry.ontology import Ontology
from deploy.local.kafka import Broker

SECRET = "chaos-secret"  # noqa: S105 -- of the emulator, which knows no other
SHOW_EVERY = 0.5
ROOT = Path(consumer.__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Subject:
    """The contracts that are put to the test, and what the harness makes of them."""

    import_path: str
    contracts: Contracts
    prepare: Prepare
    found: Repertoire
    ontology: Ontology


def subject(import_path: str) -> Subject:
    """Raises ContractError where they do not import."""
    contracts = load(import_path)
    prepare = make_prepare(contracts.by_topic)
    ontology, found = fitted(contracts, repertoire(contracts, prepare), prepare)
    return Subject(import_path, contracts, prepare, found, ontology)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one scenario."""

    scenario: Scenario
    seed: int
    defect: Defect | None
    seconds: float
    verdict: Verdict
    disturbances: Sequence[Disturbance]
    hits: Counter[str]
    """How often each point was hit."""
    notes: Sequence[str]
    """What one ought to know of the run itself."""
    logs: Path


Show = Callable[[Stage], None]


async def play(
    scenario: Scenario,
    about: Subject,
    broker: Broker,
    folder: Path,
    *,
    seed: int,
    seconds: float | None = None,
    defect: Defect | None = None,
    patience: float = NO_PROGRESS,
    show: Show = lambda _: None,
) -> Result:
    """Play it, wait until all is settled, and judge.

    `patience`: seconds without progress after which what is left counts as never settled.

    Raises:
        ChaosFailed: it cannot be played; `NotPlayable` where others can.
    """
    began = time.monotonic()
    where = Path(tempfile.mkdtemp(prefix=f"{scenario.name}-", dir=folder))
    async with _staged(scenario, about, broker, where, seed, seconds, defect) as stage:
        with _refusals():
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(stage.watch(), name="watch")
                tasks.create_task(note_stalls(stage), name="stalls")
                tasks.create_task(_show(stage, show), name="show")
                try:
                    await _script(scenario, stage, patience)
                finally:
                    stage.over = True
        letters = await stage.kafka.letters()
        hits = Counter(each.point for each in stage.seen.disturbances if each.point)
        notes = [*stage.notes, *misgivings(stage.seen.stalls)]
        missed = scenario.short_of(hits, stage.seconds)
        if scenario.is_long(stage.seconds):
            stage.told += missed
        else:
            notes += [f"{each}: play it for longer" for each in missed]
        rules = Rules(stage.attempts, COMMIT_INTERVAL, SETTLE_TIME, REQUEST_TIMEOUT, stage.deserved)
        verdict = judge(stage.seen.evidence(letters, rules), stage.told)
    spent = time.monotonic() - began
    return Result(
        scenario, seed, defect, spent, verdict, stage.seen.disturbances, hits, notes, where
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """What the script refuses comes out of the groups of its tasks; anything else is a bug."""
    try:
        yield
    except BaseExceptionGroup as group:
        found: BaseException | None = group.subgroup(ChaosFailed)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found is None:
            raise
        raise found from None


async def _script(scenario: Scenario, stage: Stage, patience: float) -> None:
    given = scenario.given
    for _ in range(given.processes):
        await stage.start()
    async with stage.load(given.rate):
        stage.doing = "playing"
        stage.begin()
        await scenario.play(stage)
    stage.doing = "settling"
    await stage.settle(patience)
    for each in list(stage.consumers):
        await stage.stop(each)
    await stage.look()


async def _show(stage: Stage, show: Show) -> None:
    while not stage.over:
        show(stage)
        await asyncio.sleep(SHOW_EVERY)


@asynccontextmanager
async def _staged(
    scenario: Scenario,
    about: Subject,
    broker: Broker,
    where: Path,
    seed: int,
    seconds: float | None,
    defect: Defect | None,
) -> AsyncIterator[Stage]:
    """At the end nothing is left running."""
    given = scenario.given
    foundry = Foundry(
        about.ontology,
        identity=Identity([Client(CLIENT, {SECRET}, ALL_SCOPES)], expires_in=given.token_lives),
        faults=Faults([Fault("latency", low=given.latency[0], high=given.latency[1])], seed=seed),
        effects=Effects(),
        limits=Limits(),
    )
    program = _program(scenario, defect, where)
    prefix = f"{scenario.name}-{uuid.uuid4().hex[:6]}"
    async with AsyncExitStack() as stack:
        kafka = await stack.enter_async_context(
            connected(broker.bootstrap_servers, prefix, about.contracts.by_topic)
        )
        secret = where / SECRET_FILE
        secret.touch(mode=0o600)
        secret.write_text(SECRET)

        clock = where / CLOCK_FILE if given.jumping_clock else None
        if clock is not None:
            clock.write_text("0")

        def launch(number: int, changes: Changes) -> Consumer:
            config = where / f"service-{number}.toml"
            text = settings(
                kafka, about.import_path, foundry.url, secret, {**given.settings, **changes}
            )
            config.write_text(text)
            log = where / f"service-{number}.log"
            return Consumer(config, log, [program, Path.cwd(), ROOT], clock=clock)

        stage = Stage(
            kafka,
            foundry,
            Witnesses(about.prepare),
            broker,
            Supply(about.found, given.mix, random.Random(seed)),  # noqa: S311 -- repeatable on purpose
            launch,
            chance=random.Random(seed),  # noqa: S311 -- as above
            seconds=scenario.seconds if seconds is None else seconds,
            folder=where,
        )
        await stage.open_foundry()
        stack.push_async_callback(stage.close_foundry)
        stack.callback(_end, stage)
        yield stage


def _program(scenario: Scenario, defect: Defect | None, where: Path) -> Path:
    """The folder with the package that is run: a copy where something of it is to be otherwise."""
    patches = [*(POINTS[point] for point in scenario.points), *scenario.patches]
    patches += [] if defect is None else [defect.patch]
    return patched(patches, where / "program") if patches else ROOT


def _end(stage: Stage) -> None:
    for each in stage.everyone:
        each.kill()
