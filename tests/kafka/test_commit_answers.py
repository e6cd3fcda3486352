"""What the broker's codes mean, and how commits are cut into requests: without a broker."""

from __future__ import annotations

import pytest

from consumer.kafka.commits import CHUNK_BYTES, chunked, result_of
from consumer.model import Partition
from consumer.store import Commit, CommitResult


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (0, CommitResult.STORED),
        (27, CommitResult.REBALANCING),
        (22, CommitResult.LOST),
        (25, CommitResult.LOST),
        (82, CommitResult.LOST),
        (7, CommitResult.AGAIN),
        (14, CommitResult.AGAIN),
        (15, CommitResult.AGAIN),
        (16, CommitResult.AGAIN),
        (3, CommitResult.AGAIN),  # a broker that has just started does not know its topics yet
        (12, CommitResult.REFUSED),
        (28, CommitResult.REFUSED),
        (-1, CommitResult.REFUSED),
        (29, CommitResult.REFUSED),
        (30, CommitResult.REFUSED),
        (9999, CommitResult.REFUSED),
    ],
)
def test_each_code_has_one_meaning(code: int, result: CommitResult) -> None:
    assert result_of(code) is result


def test_parts_are_below_the_limit_and_leave_nothing_out() -> None:
    commits = {Partition("topic", number): Commit(1, "x" * 4096) for number in range(1000)}

    parts = list(chunked(commits))

    assert {partition: c for part in parts for partition, c in part.items()} == commits
    assert sum(len(part) for part in parts) == 1000
    assert all(len(part) * (4096 + 100) <= CHUNK_BYTES for part in parts)


def test_what_is_larger_than_a_part_is_still_sent() -> None:
    commits = {Partition("topic", 0): Commit(1, "x" * 2 * CHUNK_BYTES)}

    assert list(chunked(commits)) == [commits]


def test_nothing_makes_no_request() -> None:
    assert list(chunked({})) == []
