"""The port around a core that works: what it says of itself is so, and its verbs reach it."""

from __future__ import annotations

import asyncio
from typing import get_args

from consumer.errors import GateReason
from consumer.outcomes import Answer, Unknown
from consumer.store import CommitResult
from consumer.telemetry.names import COUNTERS, GAUGES, HISTOGRAMS, full_name
from tests.admin.whole import EPOCH, Seen, watched
from tests.fakes.foundry import Down, Plan
from tests.flow.world import TOPIC, World

OPEN_LABELS = {"retries_total"}
"""Their causes are Foundry's: nobody knows them beforehand."""


def test_every_series_whose_labels_are_known_is_there_from_the_start() -> None:
    """Before the group has given anything: an alert on a series that is not there yet stays silent."""

    async def story(world: World, seen: Seen) -> None:
        found = {name for name, *_ in seen.series()}
        of_partitions = {"lag_records", "oldest_unsettled_seconds"}

        for name in (*COUNTERS, *GAUGES):
            assert (full_name(name) in found) is (name not in OPEN_LABELS | of_partitions), name
        for histogram in HISTOGRAMS:
            assert f"{full_name(histogram)}_count" in found

        await asyncio.sleep(2)
        found = {name for name, *_ in seen.series()}
        assert {full_name("lag_records"), full_name("oldest_unsettled_seconds")} <= found

    watched(story)


def test_the_gate_has_a_series_for_each_scope_and_reason() -> None:
    async def story(world: World, seen: Seen) -> None:
        def closed() -> dict[tuple[str, ...], float]:
            return {
                labels: value
                for (name, *labels_), value in seen.series().items()
                if name == "foundry_consumer_gate_closed"
                for labels in [tuple(labels_)]
            }

        before = closed()
        seen.core.pause()
        during = closed()
        seen.core.resume()

        reasons = {*get_args(GateReason)} - {"letters_failing"}
        assert set(before) == {(r, s) for r in reasons for s in ("all", "set")} | {
            ("letters_failing", TOPIC)
        }
        assert not any(before.values())
        assert {labels for labels, value in during.items() if value} == {("operator", "all")}
        assert not any(closed().values())

    watched(story)


def test_the_status_tells_where_each_partition_stands() -> None:
    async def story(world: World, seen: Seen) -> None:
        assert seen.status()["partitions"] == []
        assert seen.status()["assigned"] is False
        world.produce(50)
        await world.settled()
        await asyncio.sleep(8)

        now = seen.status()

        end = world.log.end(world.partition(0))
        (partition,) = now["partitions"]
        assert now["assigned"] is True
        assert (partition["topic"], partition["partition"]) == (TOPIC, 0)
        assert partition["position"] == partition["watermark"] == partition["end"] == end
        assert (partition["lag"], partition["oldest_unsettled_seconds"]) == (0, 0)
        assert partition["stuck"] is None
        assert partition["last_commit"]["outcome"] == CommitResult.STORED.value
        assert partition["last_commit"]["at"].startswith("2023-11-14T22:")
        assert (now["queued"]["records"], now["queued"]["lanes"]) == (0, 0)

    watched(story)


def test_a_pause_sends_nothing_until_the_resume_and_says_since_when() -> None:
    async def story(world: World, seen: Seen) -> None:
        await asyncio.sleep(2)
        seen.core.pause()
        await asyncio.sleep(1)
        asked = world.foundry.requests
        world.produce(50)
        await asyncio.sleep(30)

        paused = seen.status()

        (reason,) = paused["gate"]
        assert (reason["scope"], reason["reason"], reason["seconds"]) == ("all", "operator", 31)
        assert reason["since"].startswith("2023-11-14T22:30:02")
        assert "resume" in reason["remedy"]
        assert paused["partitions"][0]["lag"] == 50
        assert world.foundry.requests == asked
        seen.core.resume()
        await world.settled(within=30)
        assert seen.status()["gate"] == []

    watched(story)


def test_lanes_that_wait_for_their_time_are_told_apart_where_no_gate_says_why() -> None:
    async def story(world: World, seen: Seen) -> None:
        lost = Plan(0.01, 0.02, Unknown(Answer("timeout"), answered=False))
        world.foundry.plans.append(lost)
        world.produce(2, lane="one")
        await asyncio.sleep(10)

        now = seen.status()

        assert (now["gate"], now["in_flight"]) == ([], 0)
        assert (now["queued"]["lanes"], now["queued"]["put_off"]) == (1, 1)
        assert 0 < now["queued"]["next_in_seconds"] <= 30
        await world.settled(within=60)
        assert (seen.status()["queued"]["put_off"], seen.status()["queued"]["next_in_seconds"]) == (
            0,
            None,
        )

    watched(story)


def test_an_outage_shows_in_the_gate_the_queue_and_the_age() -> None:
    async def story(world: World, seen: Seen) -> None:
        world.foundry.downs.append(Down(world.loop.time() + 60, None))
        world.produce(50)
        await asyncio.sleep(30)

        series, now = seen.series(), seen.status()

        assert now["gate"][0]["reason"] in get_args(GateReason)
        assert series["foundry_consumer_gate_closed", now["gate"][0]["reason"], "all"] == 1
        assert series["foundry_consumer_queued_records",] == now["queued"]["records"] == 50
        assert series["foundry_consumer_lag_records", "0", TOPIC] == 50
        age = series["foundry_consumer_oldest_unsettled_seconds", "0", TOPIC]
        assert 28 < age < 32

    watched(story)


def test_the_token_is_told_by_its_end_alone() -> None:
    async def story(world: World, seen: Seen) -> None:
        none = seen.status()["token"]
        at_first = seen.series()["foundry_consumer_token_expiry_timestamp_seconds",]
        seen.tokens.fetched, seen.tokens.failed = 2, 1

        held, series = seen.status()["token"], seen.series()

        assert none == {"held": False, "expires_at": None, "fetched": 0, "failed": 0}
        assert at_first == 0
        assert (held["held"], held["fetched"], held["failed"]) == (True, 2, 1)
        expiry = series["foundry_consumer_token_expiry_timestamp_seconds",]
        assert expiry == EPOCH + world.loop.time() + 600
        assert series["foundry_consumer_token_fetches_total", "fetched"] == 2
        assert series["foundry_consumer_token_fetches_total", "failed"] == 1

    watched(story)


def test_what_the_core_did_is_what_is_counted() -> None:
    async def story(world: World, seen: Seen) -> None:
        world.produce(45)
        await world.settled()

        series = seen.series()

        assert series["foundry_consumer_records_total", "applied", TOPIC] == 45
        assert series["foundry_consumer_settle_duration_seconds_count", TOPIC] == 45
        assert series["foundry_consumer_batch_size_sum",] == 45
        assert series["foundry_consumer_in_flight_requests",] == 0
        assert series["foundry_consumer_concurrency_limit",] == seen.core.concurrency_limit
        assert series["foundry_consumer_letter_budget_remaining",] == seen.core.budget.remaining

    watched(story)
