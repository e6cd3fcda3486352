"""Each rule is switched off in the core, and the world then finds the harm that the rule prevents.

A rule whose absence nobody notices is either not needed or not tested; both would be worth knowing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumer.dispatch import Dispatch
from consumer.model import Partition, Prepared, Request
from consumer.outcomes import Outcome
from consumer.state.ledger import Standing
from consumer.state.offset_codec import encode
from consumer.state.tenure import Claim, Tenure
from consumer.store import Commit, CommitResult, Session
from consumer.suspects import Suspects
from tests.fakes.truth import LawBroken
from tests.flow.process import Ports, Service, core
from tests.flow.random_world import random_world
from tests.flow.rare_stories import (
    a_lost_request_is_executed_late,
    commits_stand_still,
    it_stands_still_between_the_check_and_the_connection,
    one_record_waits_for_the_end_of_an_outage,
    the_answer_to_a_claim_is_lost,
)
from tests.flow.simulate import simulate
from tests.flow.world import LIMITS, World

Patch = pytest.MonkeyPatch
Story = Callable[[World], Awaitable[None]]
SEEDS = range(100)


async def _at_once(*_: Any, **__: Any) -> None:
    """What should have waited does not."""


def claims_count_at_once(patch: Patch) -> None:
    def claim(self: Tenure, offsets: list[int]) -> Claim:
        for offset in offsets:
            self.ledger.claim(offset)
        self.changes += 1
        return Claim(durable=True)

    patch.setattr("consumer.state.tenure.Tenure.claim", claim)


def commits_leave_claims_out(patch: Patch) -> None:
    def snapshot(tenure: Tenure, *, drained: bool) -> Commit:
        made = tenure.ledger.snapshot()
        return Commit(made.offset, encode(made.done, 0, drained=drained))

    patch.setattr("consumer.commits._snapshot", snapshot)


def commits_leave_done_out(patch: Patch) -> None:
    def snapshot(tenure: Tenure, *, drained: bool) -> Commit:
        made = tenure.ledger.snapshot()
        return Commit(made.offset, encode(0, made.claims, drained=drained))

    patch.setattr("consumer.commits._snapshot", snapshot)


def many_commits_at_once(patch: Patch) -> None:
    async def commit(self: Any, tenures: Collection[Tenure], *, drained: bool = False) -> bool:
        return bool(await self._commit(tenures, drained=drained))

    patch.setattr("consumer.commits.Commits.commit", commit)


def suspects_are_sent(patch: Patch) -> None:
    def admit(self: Any, prepared: Any, tenure: Tenure, standing: Standing) -> None:
        prepared.claim = Claim(durable=True) if standing is Standing.SUSPECT else None
        original(self, prepared, tenure, Standing.NEW)

    from consumer.intake import Intake  # noqa: PLC0415 - the class is patched here

    original = Intake._admit
    patch.setattr(Intake, "_admit", admit)


def unknowns_are_sent_again(patch: Patch) -> None:
    def sent_again(self: Suspects, entries: Sequence[Prepared], *_: Any, **__: Any) -> None:
        for entry in entries:
            self._put_off.again(entry, self._now() + 0.1)

    patch.setattr("consumer.suspects.Suspects.suspect", sent_again)


def claims_are_never_released(patch: Patch) -> None:
    patch.setattr("consumer.state.tenure.Tenure.release", lambda self, offset: None)


def drains_wait_for_nothing(patch: Patch) -> None:
    async def drain(*_: Any, **__: Any) -> None:
        return None

    patch.setattr("consumer.sessions.Sessions._drain", drain)
    patch.setattr("consumer.submit.Submit.in_hand", lambda self, tenures: False)
    patch.setattr("consumer.submit.Submit.tenures", frozenset())


def the_last_commit_is_left_out(patch: Patch) -> None:
    async def last(*_: Any, **__: Any) -> bool:
        return True

    patch.setattr("consumer.commits.Commits.last", last)


def the_lease_is_not_looked_at(patch: Patch) -> None:
    patch.setattr("consumer.dispatch.Dispatch._certain", lambda self: True)


def commits_may_be_old(patch: Patch) -> None:
    patch.setattr("consumer.commits.Commits.stale", lambda self, tenure, now: False)


def lanes_are_not_held(patch: Patch) -> None:
    patch.setattr("consumer.state.lanes.Lanes.hold", lambda self, lane, until: None)


def letters_are_settled_before_they_are_written(patch: Patch) -> None:
    async def written(*_: Any, **__: Any) -> bool:
        return True

    patch.setattr("consumer.bury.Bury._write", written)


def every_failure_is_charged(patch: Patch) -> None:
    def charge(self: Any, entry: Any, now: float, *, always: bool = False) -> int:
        entry.attempts += 1
        entry.charged += 1
        return int(entry.charged)

    patch.setattr("consumer.state.health.Health.charge", charge)


INSIDE: list[tuple[Callable[[Patch], None], tuple[str, ...], Story | None]] = [
    (claims_count_at_once, ("rule 1:",), None),
    (commits_leave_claims_out, ("rule 1:", "rule 2"), None),
    (commits_leave_done_out, ("rule 2", "law 4", "rule 15"), None),
    (many_commits_at_once, ("rule 3",), None),
    (suspects_are_sent, ("rule 7",), None),
    (unknowns_are_sent_again, ("rule 7",), None),
    (claims_are_never_released, ("rule 8", "unknown letters"), None),
    (drains_wait_for_nothing, ("rule 9", "law 4", "rule 8"), None),
    (the_last_commit_is_left_out, ("law 4", "rule 8"), None),
    (the_lease_is_not_looked_at, ("rule 11",), None),
    (commits_may_be_old, ("law 4",), commits_stand_still),
    (lanes_are_not_held, ("law 3",), a_lost_request_is_executed_late),
    (letters_are_settled_before_they_are_written, ("law 1:", "what is told"), None),
    (every_failure_is_charged, ("law 6",), one_record_waits_for_the_end_of_an_outage),
]


def law_broken_by(service: Callable[[Ports], Service], story: Story | None) -> str:
    """The law that the story finds broken, or the first random schedule that finds one."""
    try:
        if story is not None:
            simulate(story, service=service, limits=replace(LIMITS, commit_interval=0.1))
        else:
            for seed in SEEDS:
                random_world(seed, service=service)
    except LawBroken as error:
        return error.law
    return "none"


@pytest.mark.parametrize(("switch_off", "laws", "story"), INSIDE)
@pytest.mark.timeout(120)
def test_without_the_rule_a_law_is_broken(
    switch_off: Callable[[Patch], None],
    laws: tuple[str, ...],
    story: Story | None,
    monkeypatch: Patch,
) -> None:
    switch_off(monkeypatch)

    assert law_broken_by(core, story).startswith(laws)


@pytest.mark.parametrize(
    "story",
    [
        a_lost_request_is_executed_late,
        commits_stand_still,
        one_record_waits_for_the_end_of_an_outage,
        the_answer_to_a_claim_is_lost,
        it_stands_still_between_the_check_and_the_connection,
    ],
)
def test_with_the_rule_no_law_is_broken(story: Story) -> None:
    simulate(story, limits=replace(LIMITS, commit_interval=0.1))


# Rules that stand between the core and the world: they are switched off on the way -----------------


class Through:
    """Passes everything on, except what a subclass does otherwise."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class ForgivesLostAnswers(Through):
    """Rule 4: an unanswered commit would end the session; this one says that it may be tried again."""

    async def commit(
        self, session: Session, commits: Mapping[Partition, Commit]
    ) -> Mapping[Partition, CommitResult]:
        results: Mapping[Partition, CommitResult] = await self._inner.commit(session, commits)
        again = CommitResult.AGAIN
        return {
            partition: again if result is CommitResult.UNANSWERED else result
            for partition, result in results.items()
        }


class StaysTheSameMember(Through):
    """Rule 4: a plain rejoin, which keeps the member."""

    async def rejoin(self) -> None:
        """Not left, not joined anew."""
        await _at_once()


class NeverAsksAgain(Through):
    """Rule 12: the permission of before is taken for that of now."""

    async def send(self, request: Request) -> Outcome:
        outcome: Outcome = await self._inner.send(replace(request, may_send=lambda: True))
        return outcome


def without(
    *, source: type[Through] = Through, actions: type[Through] = Through, **limits: Any
) -> Callable[[Ports], Service]:
    def service(ports: Ports) -> Service:
        return Dispatch(
            source(ports.source),
            actions(ports.actions),
            ports.dead_letters,
            ports.clock,
            ports.watch,
            ports.prepare,
            limits=replace(ports.limits, **limits),
            retry=ports.retry,
            budget=ports.budget,
            rng=ports.rng,
        )

    return service


OUTSIDE: list[tuple[Callable[[Ports], Service], tuple[str, ...], Story | None]] = [
    (without(source=ForgivesLostAnswers), ("rule 1:",), the_answer_to_a_claim_is_lost),
    (without(source=StaysTheSameMember), ("progress",), the_answer_to_a_claim_is_lost),
    (
        without(actions=NeverAsksAgain),
        ("only owned", "rule 11"),
        it_stands_still_between_the_check_and_the_connection,
    ),
    (without(settle_time=0.0), ("law 3",), a_lost_request_is_executed_late),
    (without(max_in_flight=9), ("law 11",), None),
    (without(batch_size=50), ("law 11", "claims are for free slots"), None),
]


@pytest.mark.parametrize(("service", "laws", "story"), OUTSIDE)
@pytest.mark.timeout(120)
def test_without_the_rule_on_the_way_a_law_is_broken(
    service: Callable[[Ports], Service], laws: tuple[str, ...], story: Story | None
) -> None:
    assert law_broken_by(service, story).startswith(laws)


def test_passing_through_changes_nothing() -> None:
    for seed in range(10):
        random_world(seed, service=without())
