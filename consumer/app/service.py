"""Wires everything: settings become objects, which one exit stack closes."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from consumer.app.administration import Instruments, Watched, administered
from consumer.app.clock import AwakeClock
from consumer.app.configs import (
    core_limits,
    foundry_config,
    kafka_config,
    kafka_tokens,
    letter_budget,
    patience,
    request_timeout,
)
from consumer.app.guard import Guard
from consumer.app.lifetime import Ends, Lifetime
from consumer.app.logs import start_logging
from consumer.app.loop_lag import LoopLag
from consumer.app.signals import StopSignals
from consumer.app.watchdog import Watchdog
from consumer.app.watched import WatchedSource
from consumer.contracts import Contracts, load
from consumer.dispatch import Dispatch
from consumer.errors import ConsumerError
from consumer.foundry.opening import open_foundry
from consumer.kafka.deadletters import KafkaDeadLetters
from consumer.kafka.source import KafkaSource
from consumer.pipeline import make_prepare
from consumer.settings import InvalidSettings, Settings, letters_come_back
from consumer.telemetry import (
    Failing,
    TracedActions,
    TracedLetters,
    say,
    tell_of_loop,
    tracer_from,
)

_log = logging.getLogger(__name__)
_ALLOCATIONS = 20_000


def run(settings: Settings, *, until_end: bool, timeout: float | None) -> bool:
    """Consume until stopped, or up to the end. True if nothing was left undone.

    Raises:
        SettingsError: a file named in a setting cannot be used, or letters would be consumed.
        ContractError: the contracts do not import.
        StartRefused: a topic or a grant is missing.
    """
    start_logging(settings)
    contracts = load(settings.consumer.contracts, settings.topics)
    fault = letters_come_back(settings.dead_letters.topic, contracts.by_topic)
    if fault is not None:
        raise InvalidSettings([fault])
    _spare_the_collector()
    with Guard() as guard, StopSignals(lambda: guard.gone_within(settings.stop.grace)) as signals:
        serving = _serve(settings, contracts, guard, signals, until_end=until_end, within=timeout)
        return _run(serving, signals)


def _run(serving: Coroutine[Any, Any, bool], signals: StopSignals) -> bool:
    try:
        return asyncio.run(serving)
    except asyncio.CancelledError:
        if signals.received is None:
            raise
        return True  # cancelled before anything was taken in
    except BaseExceptionGroup as group:
        refusal = _only_refusal(group)
        if refusal is None:
            raise
    raise refusal


async def _serve(
    settings: Settings,
    contracts: Contracts,
    guard: Guard,
    signals: StopSignals,
    *,
    until_end: bool,
    within: float | None,
) -> bool:
    tell_of_loop()
    signals.cancel()  # until there is something to stop in order
    config = kafka_config(settings)
    tokens = kafka_tokens(settings)
    fetch_token = None if tokens is None else tokens.fetch
    clock, failing = AwakeClock(), Failing()
    instruments = Instruments(settings, contracts)
    watch = instruments.watch
    limits, retry = core_limits(settings)
    kafka = KafkaSource(config, contracts.by_topic, clock, fetch_token=fetch_token)
    source = WatchedSource(kafka, clock, lease_length=config.lease_length)
    lag = LoopLag(
        clock.now, guard.beat, source.distrust, session_timeout=settings.kafka.session_timeout
    )
    # Closed in reverse order, and only after the core has ended: its drain needs Foundry and the letters.
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_running(lag.run(), "loop lag"))
        stack.callback(watch.flush)
        foundry = await stack.enter_async_context(
            open_foundry(foundry_config(settings), told=instruments.durations)
        )
        actions = instruments.metered(
            TracedActions(foundry.actions, failing, tracer_from(os.environ))
        )
        letters = await stack.enter_async_context(
            KafkaDeadLetters(
                config,
                contracts.by_topic,
                template=settings.dead_letters.topic,
                beside=contracts.by_topic,
                fetch_token=fetch_token,
            )
        )
        core = Dispatch(
            source,
            actions,
            TracedLetters(letters, failing),
            clock,
            watch,
            make_prepare(contracts.by_topic),
            limits=limits,
            retry=retry,
            budget=letter_budget(settings),
            rng=random.Random(),  # noqa: S311 - it spreads waits, and keeps no secret
        )
        lifetime = Lifetime(core, watch.flush, guard.gone_within, grace=settings.stop.grace)
        _say_start(settings, contracts)
        watchdog = Watchdog(
            core.work,
            source,
            clock,
            patience(settings),
            ended=lambda: kafka.ended_tasks,
            find_anew=kafka.find_anew,
            stuck=lifetime.fail,
        )
        parts = Watched(core, source, actions, foundry.tokens, live=watchdog.checks)
        await stack.enter_async_context(administered(settings, instruments, parts))
        await stack.enter_async_context(_running(watchdog.run(), "watchdog"))
        signals.call(lifetime.stop)
        complete = await lifetime.run(_ends(kafka, core, within) if until_end else None)
    _say_end(instruments, complete=complete)
    watchdog.say_last()
    return complete


def _ends(kafka: KafkaSource, core: Dispatch, within: float | None) -> Ends:
    return Ends(
        partitions=lambda: kafka.partitions,
        assigned=lambda: core.workload.partitions,
        offsets=kafka.end_offsets,
        committed=kafka.committed,
        within=within,
    )


@asynccontextmanager
async def _running(coroutine: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run the coroutine beside the block, and cancel it at the end."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(coroutine, name=name)
        yield
        task.cancel()


def _spare_the_collector() -> None:
    """Have the cyclic garbage collector run rarely: thousands of waiting records are no garbage, and scanning them
    costs 1 µs per record. What is loaded by now is never scanned at all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 10, 20)


def _say_start(settings: Settings, contracts: Contracts) -> None:
    for advice in settings.warnings:
        say(_log, logging.WARNING, "settings", advice=advice)
    given_up, wanted = request_timeout(settings), settings.foundry.request_timeout
    if given_up < wanted:
        advice = (
            f"requests are given up after {given_up:g} s, not after foundry.request_timeout = {wanted:g} s: they must end"
            f" within kafka.session_timeout = {settings.kafka.session_timeout:g} s; raise that for longer requests"
        )
        say(_log, logging.WARNING, "settings", advice=advice)
    say(
        _log,
        logging.INFO,
        "starting",
        version=version("foundry-consumer"),
        group=settings.kafka.group_id,
        topics=" ".join(sorted(contracts.by_topic)),
        foundry=settings.foundry.hostname,
        ontology=settings.foundry.ontology,
    )


def _say_end(instruments: Instruments, *, complete: bool) -> None:
    """Log what this process has settled; `complete`: all is committed, and nothing was left undone."""
    applied, ignored, letters = (
        sum(instruments.sums.value("records_total", topic, outcome) for topic in instruments.topics)
        for outcome in ("applied", "ignored", "dead_lettered")
    )
    level = logging.INFO if complete else logging.WARNING
    counts = {"applied": applied, "letters": letters, "ignored": ignored}
    say(_log, level, "stopped", **counts, complete=complete)


def _only_refusal(group: BaseExceptionGroup[BaseException]) -> ConsumerError | None:
    """The one error of ours that a task group has wrapped; None: there is a bug beside it."""
    refusals, rest = group.split(ConsumerError)
    if refusals is None or rest is not None:
        return None
    first = refusals.exceptions[0]
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
