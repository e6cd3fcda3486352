"""What the group's coordinator is told, and what its answers are worth: without a broker."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import CoordinatorLoadInProgressError
from aiokafka.protocol.commit import (
    OffsetCommitRequest,
    OffsetCommitResponse_v2,
    OffsetFetchResponse_v3,
)
from aiokafka.protocol.group import HeartbeatResponse_v1, SyncGroupResponse_v1

from consumer.kafka.commits import Commits
from consumer.kafka.lease import Lease
from consumer.kafka.library.patches import CoordinatorWatch
from consumer.model import Partition
from consumer.store import Commit, CommitResult, Session

PARTITION = Partition("orders", 0)
LENGTH, ON_ITS_WAY = 30.0, 4.0
"""Seconds: of a lease, and of an answer."""


@dataclass
class Group:
    """Stands for the library's coordinator, and gives the answer that it is told to give."""

    answer: Any
    member_id: str = "present"
    generation: int = 7
    group_id: str = "group"
    coordinator_id: int = 0
    meanwhile: Callable[[], object] = bool
    """What happens before the answer has come."""
    asked: list[Any] = field(default_factory=list)

    @property
    def _client(self) -> Group:
        return self

    @property
    def _coordinator(self) -> Group:
        return self

    async def ready(self, _: int, *, group: object) -> bool:
        return True

    async def ensure_coordinator_known(self) -> None:
        """It is known."""

    async def _send_req(self, request: Any) -> Any:
        self.asked.append(request)
        self.meanwhile()
        return self.answer


@dataclass
class Hands:
    """A clock that goes on while an answer is on its way."""

    at: float = 100.0

    def now(self) -> float:
        return self.at

    def turn(self) -> None:
        self.at += ON_ITS_WAY


async def renewed_by(answer: Any, meanwhile: Callable[[Group], object] = bool) -> float | None:
    """Until when the lease lasts after this answer; None: it proves nothing."""
    lease, hands, group = Lease(LENGTH), Hands(), Group(answer)

    def pass_time() -> None:
        hands.turn()
        meanwhile(group)

    group.meanwhile = pass_time
    CoordinatorWatch(group, lease, hands)  # type: ignore[arg-type]  # stands for it
    await group._send_req(object())
    return lease.until if lease.until > 0 else None


@pytest.mark.parametrize("answer", [HeartbeatResponse_v1(0, 0), SyncGroupResponse_v1(0, 0, b"")])
async def test_rule_11_a_lease_counts_from_when_the_heartbeat_was_sent(answer: Any) -> None:
    """An answer may have been on its way for long, and the next owner be chosen meanwhile."""
    assert await renewed_by(answer) == Hands().at + LENGTH


@pytest.mark.parametrize("code", [15, 16, 22, 25, 27])
async def test_rule_11_a_heartbeat_that_is_answered_with_an_error_renews_nothing(code: int) -> None:
    """Above all not that a rebalance is under way, which the library takes for a success."""
    assert await renewed_by(HeartbeatResponse_v1(0, code)) is None


async def test_rule_11_an_answer_to_an_earlier_member_renews_nothing() -> None:
    def joins_anew(group: Group) -> None:
        group.member_id, group.generation = "another", 8

    assert await renewed_by(HeartbeatResponse_v1(0, 0), joins_anew) is None


async def test_rule_6_an_error_on_top_of_an_answer_is_not_taken_for_nothing_committed() -> None:
    """The library would read the empty list below it."""
    group = Group(OffsetFetchResponse_v3(0, [], 14))
    CoordinatorWatch(group, Lease(LENGTH), Hands())  # type: ignore[arg-type]  # stands for it

    with pytest.raises(CoordinatorLoadInProgressError):
        await group._send_req(object())


async def test_rule_5_a_commit_names_the_session_it_belongs_to_and_no_later_one() -> None:
    group = Group(OffsetCommitResponse_v2([(PARTITION.topic, [(0, 0)])]))
    commits = Commits(group)  # type: ignore[arg-type]  # stands for the library's consumer

    results = await commits.commit(Session("former", 3), {PARTITION: Commit(5, "text")})

    (request,) = group.asked
    assert isinstance(request, OffsetCommitRequest)
    assert (request._consumer_id, request._consumer_group_generation_id) == ("former", 3)
    assert request._topics == [("orders", [(0, 5, "text")])]
    assert results == {PARTITION: CommitResult.STORED}


@pytest.mark.parametrize("session", [Session("", 3), Session("", -1), Session("former", -1)])
async def test_rule_5_a_commit_of_nobody_is_not_sent(session: Session) -> None:
    """A broker stores it in a group that happens to be empty, over everybody's claims."""
    group = Group(OffsetCommitResponse_v2([(PARTITION.topic, [(0, 0)])]))
    commits = Commits(group)  # type: ignore[arg-type]  # stands for the library's consumer

    results = await commits.commit(session, {PARTITION: Commit(5, "")})

    assert not group.asked
    assert results == {PARTITION: CommitResult.LOST}
